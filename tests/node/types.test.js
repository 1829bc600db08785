'use strict';

// The types say what there is: the same names as at run time, and programs that use all of it compile and run.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const ts = require('typescript');
const { folder, runFile } = require('./support/processes.js');

const native = require(path.join(folder, 'libbroker.node'));

/** The exported values of a file of types: each name with the members of its class, or null. */
function declared(file) {
  const program = ts.createProgram([path.join(folder, file)], { module: ts.ModuleKind.NodeNext, types: ['node'] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(path.join(folder, file));
  const values = checker.getExportsOfModule(checker.getSymbolAtLocation(source)).filter((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return target.flags & ts.SymbolFlags.Value;
  });
  return new Map(values.map((symbol) => [symbol.name, members(checker, symbol)]));
}

function members(checker, symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  if (!(target.flags & ts.SymbolFlags.Class)) {
    return null;
  }
  const type = checker.getDeclaredTypeOfSymbol(target);
  // TypeScript's name of a symbol's property is `__@asyncDispose@17`.
  return type.getProperties().map((property) => property.name.replace(/^__@(\w+)@\d+$/, 'Symbol.$1'));
}

/** The public members of a class at run time, by the same names. */
function present(value) {
  return Reflect.ownKeys(value.prototype)
    .filter((key) => key !== 'constructor')
    .map((key) => (typeof key === 'symbol' ? key.description.replace('nodejs.', 'Symbol.') : key));
}

for (const file of ['index', ...(fs.existsSync(path.join(folder, 'testing.js')) ? ['testing'] : [])]) {
  test(`${file}.d.ts, ${file}.js and ${file}.mjs name the same things`, async () => {
    const required = require(path.join(folder, `${file}.js`));
    const imported = await import(path.join(folder, `${file}.mjs`));
    const types = declared(`${file}.d.ts`);
    assert.deepEqual([...types.keys()].sort(), Object.keys(required).sort());
    assert.deepEqual([...declared(`${file}.d.mts`).keys()].sort(), Object.keys(required).sort());
    assert.deepEqual(Object.keys(imported).sort(), Object.keys(required).sort());
    for (const [name, names] of types) {
      assert.equal(imported[name], required[name], `${name} is there twice`);
      if (names !== null) {
        assert.deepEqual(names.sort(), present(required[name]).sort(), name);
      }
    }
  });
}

test('consumers and what they give have the members that the types name', () => {
  const program = ts.createProgram([path.join(folder, 'index.d.ts')], { module: ts.ModuleKind.NodeNext, types: ['node'] });
  const checker = program.getTypeChecker();
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path.join(folder, 'index.d.ts'))));
  const own = (name) => {
    const [declaration] = exported.find((symbol) => symbol.name === name).declarations;
    return declaration.members.map((member) => member.name.getText().replace(/^\[(.*)\]$/, '$1'));
  };
  const { Consumer, Delivery } = require(path.join(folder, 'lib', 'consumer.js'));
  assert.deepEqual(own('Consumer').sort(), present(Consumer).sort());
  assert.deepEqual(own('Delivery').sort(), present(Delivery).sort());
});

test('the types know every code', () => {
  const types = fs.readFileSync(path.join(folder, 'index.d.ts'), 'utf8');
  const [, union] = types.match(/export type ErrorCode =([^;]*);/);
  assert.deepEqual([...union.matchAll(/'(\w+)'/g)].map((match) => match[1]), native.errorCodes());
});

test('the JavaScript half calls the native half as it is', () => {
  const options = {
    allowJs: true,
    checkJs: true,
    noEmit: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    typeRoots: [path.join(__dirname, 'node_modules', '@types')],
    resolveJsonModule: true,
  };
  const host = ts.createCompilerHost(options);
  const addon = { resolvedFileName: path.join(folder, 'native.d.ts'), extension: '.d.ts' };
  host.resolveModuleNameLiterals = (names, from, redirected) =>
    names.map(({ text }) =>
      text.endsWith('/libbroker.node')
        ? { resolvedModule: addon }
        : ts.resolveModuleName(text, from, options, host, undefined, redirected, ts.ModuleKind.CommonJS),
    );
  const files = fs.readdirSync(path.join(folder, 'lib')).map((name) => path.join(folder, 'lib', name));
  const program = ts.createProgram([...files, path.join(folder, 'testing.js')], options, host);
  const canonical = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => '\n' };
  assert.equal(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), canonical), '');
});

test('programs that use everything compile, strictly, and run', async () => {
  const tsc = require.resolve('typescript/bin/tsc');
  const project = path.join(__dirname, 'types');
  await promisify(execFile)(process.execPath, [tsc, '--project', project]).catch((error) => assert.fail(error.stdout));
  for (const program of fs.readdirSync(project).filter((name) => /\.[cm]ts$/.test(name))) {
    const built = path.join(__dirname, 'node_modules', '.types-samples', program.replace(/ts$/, 'js'));
    const { code, stdout, stderr } = await runFile([built]);
    assert.equal(code, 0, `${program}: ${stderr}`);
    assert.equal(stdout, 'done\n', program);
  }
});
