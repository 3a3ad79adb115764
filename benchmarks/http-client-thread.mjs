// The thread of http-client.ts; plain JavaScript, which worker threads load without help.
import { Agent, get } from 'node:http'
import { parentPort } from 'node:worker_threads'

const agent = new Agent({ keepAlive: true })
parentPort.on('message', ({ url, headers }) => {
  const started_ms = performance.now()
  get(url, { agent, headers }, (response) => {
    const chunks = []
    response.on('data', (chunk) => chunks.push(chunk))
    response.on('end', () => {
      const body = Buffer.concat(chunks)
      parentPort.postMessage({ ms: performance.now() - started_ms, status: response.statusCode, body: body.toString() })
    })
  })
})
