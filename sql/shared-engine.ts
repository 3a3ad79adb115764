/** One engine per process: whoever opens the same directory shares it, another directory is refused. */
import { resolve } from 'node:path'
import { CallhouseError } from '../errors.ts'
import { EmbeddedEngine } from './embedded-engine.ts'

let current: { path: string; users: number; engine: Promise<EmbeddedEngine> } | undefined
let closing: Promise<void> = Promise.resolve()

/** The engine on a directory, shared by everyone in this process who asks for it; `release` it once each. */
export async function acquireEngine(path: string, database: string): Promise<{ engine: EmbeddedEngine; release: () => Promise<void> }> {
  await closing
  const directory = resolve(path)
  if (current && current.path !== directory) {
    throw new CallhouseError(
      'warehouse_unavailable',
      `This process has the embedded warehouse in ${current.path} open and cannot open ${directory} too. Close the first, or use two processes.`,
    )
  }
  current ??= { path: directory, users: 0, engine: EmbeddedEngine.open(directory, database) }
  const shared = current
  shared.users++
  let isReleased = false
  const release = async (): Promise<void> => {
    if (isReleased) {
      await closing
      return
    }
    isReleased = true
    if (--shared.users > 0) return
    current = undefined
    closing = shared.engine.then((engine) => engine.close()).catch(() => undefined)
    await closing
  }
  try {
    const engine = await shared.engine
    if (engine.database !== database) await engine.createDatabase(database)
    return { engine, release }
  } catch (error) {
    await release()
    throw error
  }
}
