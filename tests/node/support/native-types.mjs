// Writes node/native.d.ts from what napi-derive noted while it compiled the native half, or checks that it is up to date:
//     node native-types.mjs write|check <folder of the notes>

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateTypeDef } from '@napi-rs/cli';

const HEADER = '// Generated from node/src by `cargo ci types`. The native half, private to this package: users see index.d.ts.\n\n';
const [mode, notes] = process.argv.slice(2);
const file = fileURLToPath(new URL('../../../node/native.d.ts', import.meta.url));

const { dts } = await generateTypeDef({ typeDefDir: notes, noDtsHeader: true, cwd: path.dirname(file) });
const generated = HEADER + dts.trimStart();
if (mode === 'write') {
  fs.writeFileSync(file, generated);
} else if (fs.readFileSync(file, 'utf8') !== generated) {
  console.error('node/native.d.ts is not what node/src says; `cargo ci types` writes it anew');
  process.exit(1);
}
