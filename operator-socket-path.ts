/**
 * Where the process that owns a data directory listens for verbs:
 * `callhouse.sock` in it. A unix socket's path may have 107 bytes (103 on
 * macOS), and some file systems have no sockets; then it is in a private
 * temporary directory, which the file `callhouse.sock.path` names.
 */
import { mkdtempSync, readFileSync, realpathSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const LONGEST = process.platform === 'linux' ? 107 : 103

const isShort = (path: string): boolean => Buffer.byteLength(path) <= LONGEST
const besideData = (data: string): string => join(data, 'callhouse.sock')
const pointerOf = (data: string): string => join(data, 'callhouse.sock.path')

/** Both sides must find the same name, whichever way they came to the directory. */
function realData(data: string): string | undefined {
  try {
    return realpathSync(data)
  } catch {
    return undefined
  }
}

/** Where a process that has `data` may be listening, the likelier first; none where there is no such directory. */
export function socketPaths(data: string): string[] {
  const real = realData(data)
  if (real === undefined) return []
  const paths = isShort(besideData(real)) ? [besideData(real)] : []
  const elsewhere = readPointer(real)
  return elsewhere === undefined ? paths : [...paths, elsewhere]
}

/**
 * Lets the server listen where verbs look for it, for this user only; returns
 * what removes every trace. Call it while holding the directory's lock: what a
 * dead process left there is replaced.
 */
export async function listenInData(server: Server, data: string): Promise<() => void> {
  const real = realpathSync(data)
  forget(real)
  const path = besideData(real)
  if (isShort(path)) {
    try {
      await listenPrivately(server, path)
      return () => forget(real)
    } catch {
      // A file system without sockets: the temporary directory has them.
    }
  }
  const elsewhere = join(mkdtempSync(join(tmpdir(), 'callhouse-')), 'verbs.sock')
  try {
    await listenPrivately(server, elsewhere)
    writeFileSync(pointerOf(real), `${elsewhere}\n`, { mode: 0o600 })
  } catch (thrown) {
    removeSocket(elsewhere)
    throw thrown
  }
  return () => forget(real)
}

/** Nobody else may connect, not even between the socket's making and a chmod. */
async function listenPrivately(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o177)
    // Binds before it returns; only the event comes later.
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
    process.umask(before)
  })
}

/** Removes the socket beside the data, and one elsewhere with its directory. */
function forget(real: string): void {
  rmSync(besideData(real), { force: true })
  const elsewhere = readPointer(real)
  if (elsewhere !== undefined) removeSocket(elsewhere)
  rmSync(pointerOf(real), { force: true })
}

/** Only ever an empty directory of ours: nothing is removed with what is in it. */
function removeSocket(path: string): void {
  try {
    rmSync(path, { force: true })
    rmdirSync(dirname(path))
  } catch {
    // Somebody tidied up the temporary files before.
  }
}

function readPointer(real: string): string | undefined {
  try {
    const path = readFileSync(pointerOf(real), 'utf8').trim()
    return path.endsWith('/verbs.sock') && isShort(path) ? path : undefined
  } catch {
    return undefined
  }
}
