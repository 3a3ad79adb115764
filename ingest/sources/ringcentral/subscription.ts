/** The webhook subscription: made where there is none, renewed before it ends. */
import { messageOf } from '../../../errors.ts'
import type { PullContext } from '../../source.ts'
import type { RingCentralApi } from './api-client.ts'
import { idAt, isObject, objectAt, textAt, type Json } from './json-fields.ts'
import { readList } from './sync-answer.ts'

const PATH = '/restapi/v1.0/subscription'
const eventFilters = ['/restapi/v1.0/account/~/telephony/sessions', '/restapi/v1.0/account/~/presence']
const LASTS_S = 7 * 86_400
const RENEWED_BEFORE_MS = 3 * 86_400_000
const LOOKED_AT_EVERY_MS = 3_600_000

export class Subscription {
  readonly #address: string
  readonly #token: string
  #looked_ms = -Infinity

  constructor(address: string, verification_token: string) {
    this.#address = address
    this.#token = verification_token
  }

  /** Looks at it once an hour. What goes wrong is logged: pulling does not depend on it. */
  async keep(context: PullContext, api: RingCentralApi): Promise<void> {
    if (context.now() - this.#looked_ms < LOOKED_AT_EVERY_MS) return
    try {
      const { items } = await api(context, { group: 'medium', path: PATH }, readList)
      await this.#ensure(
        context,
        api,
        items.filter(isObject).find((item) => this.#isOurs(item)),
      )
      this.#looked_ms = context.now()
    } catch (thrown) {
      context.signal.throwIfAborted()
      context.log.warn({ reason: messageOf(thrown) }, 'the webhook subscription could not be looked after; the next pull tries again')
    }
  }

  async #ensure(context: PullContext, api: RingCentralApi, found: Json | undefined): Promise<void> {
    if (!found) {
      const deliveryMode = { transportType: 'WebHook', address: this.#address, verificationToken: this.#token }
      await api(context, { group: 'medium', path: PATH, body: { eventFilters, deliveryMode, expiresIn: LASTS_S } }, JSON.parse)
      return
    }
    const ends_ms = Date.parse(textAt(found, 'expirationTime') ?? '')
    if (ends_ms - context.now() > RENEWED_BEFORE_MS) return
    await api(context, { group: 'medium', path: `${PATH}/${encodeURIComponent(idAt(found, 'id')!)}/renew`, body: {} }, JSON.parse)
  }

  #isOurs(item: Json): boolean {
    return textAt(objectAt(item, 'deliveryMode'), 'address') === this.#address && item['status'] === 'Active' && idAt(item, 'id') !== undefined
  }
}
