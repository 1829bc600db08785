// Writes node/native.d.ts from what napi-derive noted while it compiled the native half, or checks that it is up to date:
//     node native-types.mjs write|check <file of the notes>
// The notes are one JSON object a line: the head of a class, a block of its methods, an interface, or a function.

import fs from 'node:fs';

const HEAD = '// Generated from node/src by `cargo ci types`. The native half, private to this package: users see index.d.ts.\n';
const [mode, notes] = process.argv.slice(2);
const file = new URL('../../../node/native.d.ts', import.meta.url);

const noted = fs
  .readFileSync(notes, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));
// The order of compilation says nothing.
noted.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));

/** Members with one indentation, in the order of the source. */
function indented(definitions) {
  const lines = definitions.flatMap((definition) => definition.split('\n'));
  return lines.map((line) => line.trim()).filter((line) => line !== '').map((line) => `  ${line}\n`).join('');
}

function rendered({ kind, name, def, js_doc: text }) {
  switch (kind) {
    case 'struct': {
      const members = noted.filter((other) => other.kind === 'impl' && other.name === name).map((other) => other.def);
      return `${text}export declare class ${name} {\n${indented([def, ...members])}}\n`;
    }
    case 'interface':
      return `${text}export interface ${name} {\n${indented([def])}}\n`;
    case 'fn':
      return `${text}export declare ${def}\n`;
    case 'impl':
      return '';
    default:
      throw new Error(`nobody taught this program what ${kind} is`);
  }
}

const generated = [HEAD, ...noted.map(rendered).filter((text) => text !== '')].join('\n');
if (mode === 'write') {
  fs.writeFileSync(file, generated);
} else if (fs.readFileSync(file, 'utf8') !== generated) {
  console.error('node/native.d.ts is not what node/src says; `cargo ci types` writes it anew');
  process.exit(1);
}
