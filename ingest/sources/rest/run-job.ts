/** A report that is asked for, waited for, and then fetched. */
import { CallhouseError } from '../../../errors.ts'
import { GarbledAnswer } from '../../http-client.ts'
import type { PullContext } from '../../source.ts'
import { readCsvAnswer, readJsonAnswer, type Answer } from './answer-items.ts'
import type { Api } from './api.ts'
import { periodMs, type JobSpec, type StreamSpec } from './language.ts'
import { valueAt } from './paths.ts'

/** The report's rows. Throws source_unavailable when it fails or takes too long; the next pull asks anew. */
export async function runJob(
  api: Api,
  context: PullContext,
  stream: StreamSpec,
  job: JobSpec,
  values: Record<string, unknown>,
  name: string,
): Promise<Answer> {
  const id = await api.send(context, api.requestOf(job.start, values), (text) => {
    const value = valueAt(JSON.parse(text), job.id)
    if ((typeof value !== 'string' && typeof value !== 'number') || value === '') throw new GarbledAnswer(`the answer has no ${job.id}`)
    return String(value)
  })
  const give_up_ms = context.now() + periodMs(job.longest ?? '30m')
  for (;;) {
    const poll = api.requestOf(job.poll, { ...values, 'job.id': encodeURIComponent(id) })
    const { status, answer } = await api.send(context, poll, (text) => {
      const parsed: unknown = JSON.parse(text)
      const found = valueAt(parsed, job.status)
      if (typeof found !== 'string') throw new GarbledAnswer(`the answer has no ${job.status}`)
      return { status: found, answer: parsed }
    })
    if (job.done.includes(status)) return await download(api, context, stream, valueAt(answer, job.download), name)
    if (job.failed?.includes(status))
      throw new CallhouseError('source_unavailable', `The report for ${name} failed at its source. The next pull asks for it again.`)
    if (context.now() >= give_up_ms)
      throw new CallhouseError(
        'source_unavailable',
        `The report for ${name} was not ready within ${job.longest ?? '30m'}. The next pull asks for it again.`,
      )
    await context.sleep(periodMs(job.every ?? '5s'), context.signal)
  }
}

async function download(api: Api, context: PullContext, stream: StreamSpec, link: unknown, name: string): Promise<Answer> {
  if (typeof link !== 'string' || !URL.canParse(link, api.base))
    throw new CallhouseError(
      'source_garbled',
      `The report for ${name} is ready, but there is no address to fetch it from. Show the API's operator this message.`,
    )
  const url = new URL(link, api.base)
  if (!/^https?:$/.test(url.protocol) || (url.protocol === 'http:' && new URL(api.base).protocol === 'https:'))
    throw new CallhouseError(
      'source_garbled',
      `The report for ${name} is offered over ${url.protocol}//, which is not safe. Show the API's operator this message.`,
    )
  const is_json = stream.answer === 'json'
  return await api.send(context, { url, accept: is_json ? 'application/json' : 'text/csv, */*' }, (text) =>
    is_json ? readJsonAnswer(text, stream.items, stream.strip) : readCsvAnswer(text, stream.strip),
  )
}
