/** The network between a process and the phone company; it also sees whether the process comes back before it may. */
import type { CallFaults, Process } from './process.ts'
import { Broken } from './promises.ts'
import type { Answer, TelcoApi } from './telco-api.ts'
import type { World } from './world.ts'

export function simulatedFetch(
  process: Process,
  world: World,
  faults: CallFaults,
  api: TelcoApi,
  onRequest: () => void,
  onBroken: (broken: Broken) => void,
): typeof fetch {
  /** Of all answers that the process has had, the latest time it was told to come back at. */
  let come_back_ms = -Infinity
  return (input, init) => {
    onRequest()
    const url = new URL(input instanceof Request ? input.url : input)
    if (world.now_ms < come_back_ms)
      onBroken(new Broken(`${process.name} asks ${url.pathname} ${come_back_ms - world.now_ms} ms before Retry-After has ended`))
    return new Promise((resolve, reject) => {
      const signal = init?.signal
      const leave = (): void => reject(signal!.reason as Error)
      if (signal?.aborted) return leave()
      signal?.addEventListener('abort', leave)
      const settle = (): void => signal?.removeEventListener('abort', leave)
      const took = (answer: Answer): void => {
        // Only the client's own deadline ends a request that hangs; and what it has given up it does not hear of.
        if (answer.hangs || signal?.aborted) return
        come_back_ms = Math.max(come_back_ms, answer.come_back_ms ?? -Infinity)
        settle()
        resolve(new Response(answer.body === '' ? null : answer.body, { status: answer.status, headers: answer.headers }))
      }
      const failed = (thrown: Error): void => {
        settle()
        reject(thrown)
      }
      process.call(`GET ${url.pathname}${url.search}`, () => api.answer(url), faults).then(took, failed)
    })
  }
}
