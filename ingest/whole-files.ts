/**
 * The files of a directory that somebody else fills and nobody of ours empties:
 * which of them are new or have changed, told by name, size and time of change.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CallhouseError, messageOf } from '../errors.ts'

export interface FoundFile {
  /** Relative to the directory, with forward slashes. */
  name: string
  path: string
  size: number
  modified_ms: number
  /** Size and time of change, to compare. */
  stamp: string
}

/** Every file of a directory and its folders whose name ends in one of `endings`, by name; files that vanish meanwhile are left out. */
export async function listFiles(directory: string, endings: readonly string[]): Promise<FoundFile[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw new CallhouseError(
      'source_unavailable',
      `Cannot list ${directory}: ${messageOf(error)}. Set the source's path to a directory it may read.`,
      {
        cause: error,
      },
    )
  })
  const found: FoundFile[] = []
  for (const entry of entries) {
    if (!endings.some((ending) => entry.name.endsWith(ending))) continue
    const path = join(entry.parentPath, entry.name)
    const seen = await stat(path).catch(() => undefined)
    if (!seen?.isFile()) continue
    const name = path.slice(join(directory, '/').length).replaceAll('\\', '/')
    found.push({ name, path, size: seen.size, modified_ms: seen.mtimeMs, stamp: `${seen.size}/${Math.trunc(seen.mtimeMs)}` })
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}
