/** Reads the numbered statements of a folder beside this file. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CallhouseError } from '../errors.ts'

export interface SqlFile {
  id: number
  /** The file's name without its ending, such as 0002_calls. */
  name: string
  statement: string
  /** SHA-256 of the statement; line ends and spaces at the end do not count. */
  checksum: string
}

const NUMBERED = /^(\d{4})_[a-z0-9_]+\.sql$/

/** Every statement of `sql/<folder>`, in order. */
export async function readSqlFiles(folder: string, root = import.meta.dirname): Promise<SqlFile[]> {
  const directory = join(root, folder)
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  const files = await Promise.all(names.map(async (name) => toSqlFile(name, await readFile(join(directory, name), 'utf8'))))
  const twice = files.find((file, at) => files[at - 1]?.id === file.id)
  if (twice) throw new CallhouseError('internal', `Two files in sql/${folder} have the number ${twice.id}. Renumber ${twice.name}.`)
  return files
}

function toSqlFile(name: string, text: string): SqlFile {
  const id = NUMBERED.exec(name)?.[1]
  if (id === undefined) throw new CallhouseError('internal', `${name} is not named like 0001_what_it_makes.sql.`)
  const statement = text.replaceAll('\r\n', '\n').trim()
  return { id: Number(id), name: name.slice(0, -'.sql'.length), statement, checksum: createHash('sha256').update(statement).digest('hex') }
}
