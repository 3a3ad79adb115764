/** Which files a path means, and what is in them by their names. */
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CallhouseError } from '../../../errors.ts'
import type { FileFormat } from './options.ts'

export interface ListedFile {
  /** Its name in its directory: with that, a file is known from one pass to the next. */
  name: string
  path: string
  format: FileFormat
  is_compressed: boolean
}

const EXTENSION = /\.(csv|tsv|ndjson|jsonl|parquet)(\.gz)?$/i
const formats: Record<string, FileFormat | 'parquet'> = { csv: 'csv', tsv: 'csv', ndjson: 'ndjson', jsonl: 'ndjson', parquet: 'parquet' }

/** The files in the order of their names; of a directory, those with a known extension. Throws where there is nothing at the path. */
export async function listFiles(path: string, format: FileFormat | undefined): Promise<ListedFile[]> {
  const [directory, wanted] = await placeOf(path)
  const names = (await readdir(directory)).filter(wanted).sort()
  const files: ListedFile[] = []
  for (const name of names) {
    const at = join(directory, name)
    if (!(await stat(at).catch(() => undefined))?.isFile()) continue
    files.push({ name, path: at, format: formatOf(name, format), is_compressed: /\.gz$/i.test(name) })
  }
  return files
}

async function placeOf(path: string): Promise<[directory: string, wanted: (name: string) => boolean]> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return [path, (name) => EXTENSION.test(name)]
  const [directory, base] = [dirname(path), basename(path)]
  if (found) return [directory, (name) => name === base]
  if (base.includes('*') && (await stat(directory).catch(() => undefined))?.isDirectory()) {
    const pattern = new RegExp(`^${base.split('*').map(escaped).join('.*')}$`)
    return [directory, (name) => pattern.test(name)]
  }
  throw new CallhouseError('source_unavailable', `There is nothing at ${path}. Give path a file, a directory, or a path whose last part has a *.`)
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}

function formatOf(name: string, declared: FileFormat | undefined): FileFormat {
  const extension = EXTENSION.exec(name)?.[1]?.toLowerCase() ?? ''
  const format = declared ?? formats[extension]
  if (format === 'parquet')
    throw new CallhouseError('config_invalid', `${name} is a Parquet file, which is not read yet. Convert it to NDJSON or CSV first.`)
  if (!format)
    throw new CallhouseError('config_invalid', `${name} does not say by its extension what is in it. Give the source a format: csv or ndjson.`)
  return format
}
