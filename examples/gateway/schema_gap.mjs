// Prints the SQL that leads from one Prisma schema to another: `node schema_gap.mjs FROM.prisma TO.prisma`.
//
// Prisma's own schema engine works it out, in its official WebAssembly build from npm. Both sides are files, so there is no
// database; the engine still wants to be handed one, and asks it for its version, so it gets one that knows just that.

import fs from 'node:fs'

const PACKAGE = new URL('./node_modules/@prisma/schema-engine-wasm/', import.meta.url)

// The package says nowhere that its glue is a module; by this name Node knows it.
const glueFile = new URL('schema_engine_bg.mjs', PACKAGE)
fs.copyFileSync(new URL('schema_engine_bg.js', PACKAGE), glueFile)
const glue = await import(glueFile)
const wasm = fs.readFileSync(new URL('schema_engine_bg.wasm', PACKAGE))
const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': glue })
glue.__wbg_set_wasm(instance.exports)
instance.exports.__wbindgen_start()

const ok = (value) => ({ ok: true, value, map: (change) => ok(change(value)) })
const TEXT = 7
const NUMBER = 0
const BOOLEAN = 5
const VERSION = {
  columnNames: ['version', 'numeric_version', 'schema_exists'],
  columnTypes: [TEXT, NUMBER, BOOLEAN],
  rows: [['PostgreSQL 16.0', 160000, true]],
}
const database = {
  provider: 'postgres',
  adapterName: 'none',
  queryRaw: async () => ok(VERSION),
  executeRaw: async () => ok(0),
  executeScript: async () => ok(undefined),
  getConnectionInfo: () => ok({ schemaName: 'public', supportsRelationJoins: true }),
  startTransaction: async () => { throw new Error('there is no database') },
  dispose: async () => ok(undefined),
}
const connect = async () => ok(database)

const [from, to] = process.argv.slice(2).map((file) => fs.readFileSync(file, 'utf8'))
const schema = (content) => ({ tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] })
const engine = await glue.SchemaEngine.new(
  { datamodels: [['schema.prisma', to]] },
  () => {},
  { provider: 'postgres', adapterName: 'none', connect, connectToShadowDb: connect },
)
const gap = await engine.diff({
  from: schema(from),
  to: schema(to),
  script: true,
  shadowDatabaseUrl: null,
  exitCode: null,
  filters: { externalTables: [], externalEnums: [] },
})
process.stdout.write(gap.stdout)
