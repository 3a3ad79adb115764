/** The account's balance: a snapshot whenever it has changed. */
import { GarbledAnswer, type HttpClient } from '../../http-client.ts'
import type { Batch, PullContext } from '../../source.ts'
import { readBalance } from './billing.ts'
import { isObject } from './checkpoint.ts'
import { digest, readOr } from './convert.ts'
import type { TwilioSettings } from './options.ts'
import { isGone } from './pages.ts'

/** Of the main account only: what a child account spends, its parent pays. */
export async function* pullBalance(context: PullContext, settings: TwilioSettings, client: HttpClient): AsyncGenerator<Batch, void> {
  const stream = `balance/${settings.account_sid}`
  const saved = await context.checkpoint(stream)
  const text = await balanceText(context, settings, client)
  if (text === undefined) return
  const print = digest(text)
  if (isObject(saved) && saved['print'] === print) return
  const checkpoint = { format: 1, print }
  const outcome = readOr(JSON.parse(text), text, (item, payload) => readBalance(item, payload, context.now()))
  yield Array.isArray(outcome)
    ? { stream, inputs: 1, records: outcome, rejects: [], checkpoint }
    : { stream, inputs: 1, records: [], rejects: [{ position: `balances/${print}`, entity: 'balances', ...outcome, payload: text }], checkpoint }
}

async function balanceText(context: PullContext, settings: TwilioSettings, client: HttpClient): Promise<string | undefined> {
  const url = new URL(`${settings.base}/2010-04-01/Accounts/${settings.account_sid}/Balance.json`)
  try {
    return await client.get(url, (answer) => {
      if (!isObject(JSON.parse(answer))) throw new GarbledAnswer('the answer was no balance')
      return answer
    })
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown
    context.log.info({ account: settings.account_sid }, 'the account has no balance of its own')
    return undefined
  }
}
