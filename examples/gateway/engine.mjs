#!/usr/bin/env node
// Stands in for Prisma's native query engine, which is only to be had outside the package registries.
//
// It is the official WebAssembly build of the very same engine on node-postgres, behind the HTTP protocol that the Python client
// speaks. That client sends GraphQL, and the WebAssembly build takes only the newer JSON protocol, so this file translates each
// query on its way in and the types of each result on its way out. It listens on the loopback and ends with its parent.

import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindAdapter } from '@prisma/driver-adapter-utils'
import { parse } from 'graphql'
import pg from 'pg'
import * as glue from './query_engine_bg.mjs'

const HERE = path.dirname(fileURLToPath(import.meta.url))
const COMMIT = '393aa359c9ad4a4bb28630fb5613f9c281cde053'

if (process.argv.includes('--version')) {
  console.log(`query-engine ${COMMIT}`)
  process.exit(0)
}
if (!process.argv.includes('-p')) {
  console.error('this is a query engine only; it cannot migrate or compare schemas')
  process.exit(1)
}

const parent = process.ppid
setInterval(() => { if (process.ppid !== parent) process.exit(0) }, 1000)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0))

// ---- the database -------------------------------------------------------------------------------------------------------------

// Parameters of a connection URL that are Prisma's own; node-postgres would send them to the server, which refuses them.
const PRISMA_PARAMETERS = ['connection_limit', 'pool_timeout', 'schema', 'pgbouncer', 'connect_timeout', 'socket_timeout']

function databaseUrl() {
  const overwritten = process.env.OVERWRITE_DATASOURCES ? JSON.parse(process.env.OVERWRITE_DATASOURCES) : []
  const url = new URL(overwritten[0]?.url ?? process.env.DATABASE_URL)
  for (const name of PRISMA_PARAMETERS) url.searchParams.delete(name)
  return url.toString()
}

// Types of PostgreSQL's own tables, which the adapter does not know: they are text to everyone.
const AS_TEXT = new Map([[19, 25], [1003, 1009], [705, 25], [2205, 25], [2206, 25]]) // name, name[], unknown, regclass, regtype
pg.types.setTypeParser(1003, pg.types.getTypeParser(1009))

function withKnownTypes(result) {
  for (const field of result?.fields ?? []) field.dataTypeID = AS_TEXT.get(field.dataTypeID) ?? field.dataTypeID
  return result
}

// A pool asks its connections with a callback, a transaction asks its own with a promise.
function teach(client) {
  const query = client.query.bind(client)
  client.query = (...given) => {
    const callback = given.at(-1)
    if (typeof callback === 'function') return query(...given.slice(0, -1), (error, result) => callback(error, withKnownTypes(result)))
    const answer = query(...given)
    return typeof answer?.then === 'function' ? answer.then(withKnownTypes) : answer
  }
}

const pool = new pg.Pool({ connectionString: databaseUrl(), max: 10 })
pool.on('error', (error) => console.error('database connection lost:', error.message))
pool.on('connect', teach)

// ---- the engine ---------------------------------------------------------------------------------------------------------------

const datamodel = fs.readFileSync(process.env.PRISMA_DML_PATH, 'utf8')
const wasm = fs.readFileSync(path.join(HERE, 'node_modules/@prisma/query-engine-wasm/postgresql/query_engine_bg.wasm'))
const { instance } = await WebAssembly.instantiate(wasm, { './query_engine_bg.js': glue })
glue.__wbg_set_wasm(instance.exports)
instance.exports.__wbindgen_start?.()
const engine = new glue.QueryEngine({ datamodel, logLevel: 'error', logQueries: false }, () => {}, bindAdapter(new PrismaPg(pool)))
await engine.connect('{}')

// ---- from GraphQL to the JSON protocol ----------------------------------------------------------------------------------------

// The type of every field of every model, by name: { LiteLLM_TeamTable: { metadata: 'Json', … }, … }
const FIELDS = Object.fromEntries(
  [...datamodel.matchAll(/^model\s+(\w+)\s*\{([\s\S]*?)^\}/gm)].map(([, model, text]) => [model, fieldTypes(text)]),
)

function fieldTypes(text) {
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => !/^(\/\/|@@)/.test(line))
  return Object.fromEntries(lines.map((line) => line.match(/^(\w+)\s+(\w+)/)).filter(Boolean).map(([, name, type]) => [name, type]))
}

// Longest first: `findFirst` begins `findFirstOrThrow`.
const ACTIONS = [
  'findUniqueOrThrow', 'findUnique', 'findFirstOrThrow', 'findFirst', 'findMany', 'createManyAndReturn', 'createMany', 'createOne',
  'updateMany', 'updateOne', 'deleteMany', 'deleteOne', 'upsertOne', 'aggregate', 'groupBy',
]

const JSON_OPERATORS = new Set(
  ['set', 'equals', 'not', 'array_contains', 'array_starts_with', 'array_ends_with', 'lt', 'lte', 'gt', 'gte'],
)
const JSON_FILTERS = new Set([...JSON_OPERATORS, 'path', 'string_contains', 'string_starts_with', 'string_ends_with'])

// The client sends a JSON value as a string; the JSON protocol wants it tagged, or it would be stored as a string.
function taggedJson(value) {
  if (typeof value === 'string') return { $type: 'Json', value }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  const entries = Object.entries(value)
  if (!entries.every(([name]) => JSON_FILTERS.has(name))) return value
  return Object.fromEntries(entries.map(([name, inner]) => [name, JSON_OPERATORS.has(name) ? taggedJson(inner) : inner]))
}

// Walk arguments along the relations of a model and tag what is bound for a Json column.
function tagged(value, model) {
  if (Array.isArray(value)) return value.map((item) => tagged(item, model))
  if (value === null || typeof value !== 'object' || '$type' in value) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const type = FIELDS[model]?.[name]
      if (type === 'Json') return [name, taggedJson(inner)]
      return [name, tagged(inner, FIELDS[type] ? type : model)]
    }),
  )
}

function literal(node) {
  switch (node.kind) {
    case 'IntValue': {
      const number = Number(node.value)
      return Number.isSafeInteger(number) ? number : { $type: 'BigInt', value: node.value }
    }
    case 'FloatValue': return Number(node.value)
    case 'StringValue':
    case 'EnumValue':
    case 'BooleanValue': return node.value
    case 'NullValue': return null
    case 'ListValue': return node.values.map(literal)
    case 'ObjectValue': return Object.fromEntries(node.fields.map((field) => [field.name.value, literal(field.value)]))
    default: throw new Error(`a ${node.kind} in a query`)
  }
}

const argumentsOf = (field) => Object.fromEntries((field.arguments ?? []).map((item) => [item.name.value, literal(item.value)]))

function selectionOf(set) {
  return Object.fromEntries((set?.selections ?? []).map((field) => [
    field.name.value,
    field.selectionSet ? { arguments: argumentsOf(field), selection: selectionOf(field.selectionSet) } : true,
  ]))
}

function translate(source) {
  const field = parse(source, { noLocation: true }).definitions[0].selectionSet.selections[0]
  const name = field.name.value
  const key = field.alias?.value ?? name
  if (name === 'queryRaw' || name === 'executeRaw') {
    return { key, query: { action: name, query: { arguments: argumentsOf(field), selection: {} } } }
  }
  const action = ACTIONS.find((candidate) => name.startsWith(candidate) && name.slice(candidate.length) in FIELDS)
  if (!action) throw new Error(`unknown operation ${name}`)
  const modelName = name.slice(action.length)
  const query = { arguments: tagged(argumentsOf(field), modelName), selection: selectionOf(field.selectionSet) }
  return { key, query: { modelName, action, query } }
}

// ---- and back -----------------------------------------------------------------------------------------------------------------

function untagged(value) {
  if (Array.isArray(value)) return value.map(untagged)
  if (value === null || typeof value !== 'object') return value
  if (!('$type' in value)) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, untagged(inner)]))
  if (value.$type === 'Json') return value.value
  return value.$type === 'BigInt' ? Number(value.value) : untagged(value.value)
}

function shaped(answer, key) {
  return answer.errors ? { errors: answer.errors } : { data: { [key]: untagged(Object.values(answer.data)[0]) } }
}

// ---- the protocol -------------------------------------------------------------------------------------------------------------

async function answerQuery(body, transaction) {
  if (!body.batch) {
    const { key, query } = translate(body.query)
    return shaped(JSON.parse(await engine.query(JSON.stringify(query), '{}', transaction)), key)
  }
  const translated = body.batch.map((item) => translate(item.query))
  const batch = { batch: translated.map((item) => item.query), transaction: body.transaction ? {} : undefined }
  const answer = JSON.parse(await engine.query(JSON.stringify(batch), '{}', transaction))
  return answer.errors ? answer : { batchResult: answer.batchResult.map((item, index) => shaped(item, translated[index].key)) }
}

async function route(request, text) {
  const { pathname } = new URL(request.url, 'http://engine')
  if (pathname === '/status') return [200, { status: 'ok' }]
  if (pathname.startsWith('/metrics')) return [200, { counters: [], gauges: [], histograms: [] }]
  if (pathname === '/transaction/start') {
    const started = JSON.parse(await engine.startTransaction(text, '{}'))
    return [started.error_code || started.errors ? 500 : 200, started]
  }
  const [, id, end] = pathname.match(/^\/transaction\/([^/]+)\/(commit|rollback)$/) ?? []
  if (id) {
    const ended = end === 'commit' ? await engine.commitTransaction(id, '{}') : await engine.rollbackTransaction(id, '{}')
    return [200, ended ? JSON.parse(ended) : {}]
  }
  return [200, await answerQuery(JSON.parse(text), request.headers['x-transaction-id'])]
}

async function textOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

const server = http.createServer(async (request, response) => {
  let status, answer
  try {
    [status, answer] = await route(request, await textOf(request))
  } catch (error) {
    console.error('query engine:', error)
    const message = String(error)
    ;[status, answer] = [200, { errors: [{ error: message, user_facing_error: { message, error_code: 'P2010' } }] }]
  }
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(answer))
})
server.keepAliveTimeout = 600_000
server.on('error', (error) => { console.error(error); process.exit(1) })
server.listen(Number(process.argv[process.argv.indexOf('-p') + 1]), '127.0.0.1')
