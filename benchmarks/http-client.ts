/** A client in a thread of its own: what it measures is what a client waits, not what the server's thread does for it. */
import { Worker } from 'node:worker_threads'

export interface Answer {
  ms: number
  status: number
  body: string
}

export interface HttpClient {
  get(url: string, headers: Record<string, string>): Promise<Answer>
  close(): Promise<void>
}

/** Starts the client's thread; one request at a time over one kept-alive connection. */
export function startHttpClient(): HttpClient {
  const worker = new Worker(new URL('./http-client-thread.mjs', import.meta.url))
  return {
    get: (url, headers) =>
      new Promise((resolve, reject) => {
        worker.removeAllListeners('error').once('error', reject)
        worker.once('message', resolve)
        worker.postMessage({ url, headers })
      }),
    close: async () => void (await worker.terminate()),
  }
}
