/**
 * One process at a time in a directory. PGlite does not check: two processes on
 * one directory silently overwrite each other's commits (measured: 100 rows
 * acknowledged, 50 kept). Node has no flock, so the lock is a file beside the
 * directory that names its holder; a dead holder's lock is taken over.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { CallhouseError } from '../errors.ts'

/** Takes the lock of `path` and returns what gives it back. Throws `control_locked` when a living process has it. */
export function lockDirectory(path: string): () => void {
  const lock = `${path}.lock`
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid), id: randomUUID() })
  mkdirSync(dirname(lock), { recursive: true })
  for (let attempt = 0; attempt < 10; attempt++) {
    if (createWhole(lock, mine)) return () => void (read(lock) === mine && rmSync(lock, { force: true }))
    const theirs = read(lock)
    if (theirs === undefined) continue
    const holder = livingHolder(theirs)
    if (holder !== undefined) throw inUse(path, holder)
    takeAway(lock, theirs)
  }
  throw inUse(path, undefined)
}

function inUse(path: string, pid: number | undefined): CallhouseError {
  const who = pid === undefined ? 'other processes' : pid === process.pid ? 'this process already' : `process ${pid}`
  return new CallhouseError(
    'control_locked',
    `The control plane in ${path} is in use by ${who}. One process owns an embedded control plane: stop that one, or set database_url to a Postgres that all of them share.`,
    { details: { pid } },
  )
}

/** Makes the file with its content in one step; false when it exists. */
function createWhole(file: string, content: string): boolean {
  const draft = `${file}.${randomUUID()}`
  writeFileSync(draft, content)
  try {
    linkSync(draft, file)
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw thrown
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Removes a dead holder's lock. Two may try at once: the one that finds it took a new holder's lock puts it back. */
function takeAway(lock: string, dead: string): void {
  const aside = `${lock}.${randomUUID()}`
  try {
    renameSync(lock, aside)
  } catch {
    return
  }
  if (read(aside) !== dead) linkSync(aside, lock)
  rmSync(aside, { force: true })
}

function livingHolder(content: string): number | undefined {
  let holder: { pid?: unknown; started?: unknown }
  try {
    holder = JSON.parse(content) as { pid?: unknown; started?: unknown }
  } catch {
    return undefined
  }
  const pid = Number(holder.pid)
  if (!Number.isInteger(pid) || pid < 1 || !isAlive(pid)) return undefined
  // A restarted container gives the same pid to another process; when it started tells them apart.
  return holder.started === startOf(pid) ? pid : undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** When a process started, in ticks since boot; null where there is no /proc. */
function startOf(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`)
  return stat === undefined ? null : (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null)
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
