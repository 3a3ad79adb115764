/** Adds a source to the configuration file, and leaves all else in it as it is: comments, order, spelling. */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { isMap, isSeq, parseDocument, type Document } from 'yaml'
import { CallhouseError } from './errors.ts'

/** The file's text with the source in it. Throws config_invalid where the file is not YAML or has that source. */
export function withSource(text: string, source: Readonly<Record<string, unknown>>, file: string): string {
  const document: Document = parseDocument(text)
  const broken = document.errors[0]
  if (broken) throw new CallhouseError('config_invalid', `${file} is not YAML: ${broken.message}`)
  if (document.contents === null) document.contents = document.createNode({})
  if (!isMap(document.contents)) throw new CallhouseError('config_invalid', `${file} is not a mapping of keys to values.`)
  const list = document.get('sources', true)
  const known: unknown = (document.toJS() as { sources?: unknown }).sources ?? []
  if (!Array.isArray(known)) throw new CallhouseError('config_invalid', `sources in ${file} is not a list.`)
  if (!isSeq(list)) document.set('sources', document.createNode([source]))
  else {
    const is_there = known.some((one) => identityOf(one) === identityOf(source))
    if (is_there)
      throw new CallhouseError('config_invalid', `${file} has a source "${String(source['id'])}" of that tenant already. Give this one another --id.`)
    list.flow = false
    const node = document.createNode(source)
    node.spaceBefore = known.length > 0
    list.add(node)
  }
  return document.toString({ lineWidth: 0 })
}

function identityOf(source: unknown): string {
  const { tenant = 'default', id } = (source ?? {}) as { tenant?: string; id?: string }
  return `${tenant}/${id}`
}

/** The text of the file, or nothing where there is none. */
export function readConfigFile(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** In one step: a process that starts meanwhile reads the old file or the new one. */
export function replaceConfigFile(file: string, text: string): void {
  const mode = existsSync(file) ? statSync(file).mode : 0o644
  const beside = `${file}.${process.pid}.new`
  writeFileSync(beside, text, { mode })
  renameSync(beside, file)
}
