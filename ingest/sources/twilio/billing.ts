/**
 * Usage records, balances and numbers of an account.
 *
 * Usage categories overlap: `calls` holds `calls-inbound`, and `totalprice`
 * holds everything. Each row keeps Twilio's own category, and nothing here or in
 * the models adds rows of different categories: a total of the account is the
 * row whose category is `totalprice`, read by itself. Usage becomes no charges,
 * which are additive.
 */
import type { CanonicalRecord } from '../../records/index.ts'
import { FieldError } from '../../records/field.ts'
import { amountOf, createdOf, currencyOf, MissingIdentity, sidOf, textOf, timeOf, versionOf, type Item } from './values.ts'

/** One category's usage of one day. Throws FieldError. */
export function readUsage(item: Item, payload: string): CanonicalRecord[] {
  const account_id = sidOf(item, 'account_sid')
  const category = textOf(item, 'category')
  if (!/^[\w-]{1,128}$/.test(category)) throw new MissingIdentity('category is missing or no category')
  const day = textOf(item, 'start_date')
  const day_ms = dayMs(day, 'start_date')
  // A month's or an account's total is no day's usage.
  if (textOf(item, 'end_date') !== day) throw new FieldError('start_date and end_date are not the same day')
  const as_of_ms = timeOf(item, 'as_of')
  if (as_of_ms === null) throw new FieldError('as_of is missing')
  return [
    {
      entity: 'usage',
      record: {
        native_id: `${account_id}/${category}/${day}`,
        anchor_at: day_ms,
        version: as_of_ms,
        payload,
        account_id,
        category,
        day,
        quantity: quantityOf(item, 'usage'),
        unit: textOf(item, 'usage_unit'),
        // The bill's side of it: a cost is above zero here.
        price: amountOf(item, 'price'),
        currency: currencyOf(item, 'price_unit'),
        as_of: as_of_ms,
      },
    },
  ]
}

/** What an account has left. Throws FieldError. */
export function readBalance(item: Item, payload: string, as_of_ms: number): CanonicalRecord[] {
  const account_id = sidOf(item, 'account_sid')
  const amount = amountOf(item, 'balance')
  const currency = currencyOf(item, 'currency')
  if (amount === null || currency === '') throw new FieldError('balance or currency is missing')
  const native_id = `${account_id}/${new Date(as_of_ms).toISOString()}`
  return [
    { entity: 'balances', record: { native_id, anchor_at: as_of_ms, version: as_of_ms, payload, account_id, as_of: as_of_ms, amount, currency } },
  ]
}

/** A number that the account rents. Throws FieldError. */
export function readNumber(item: Item, payload: string): CanonicalRecord[] {
  const native_id = sidOf(item, 'sid')
  const created_ms = createdOf(item)
  const number = textOf(item, 'phone_number')
  if (number === '') throw new FieldError('phone_number is missing')
  return [
    {
      entity: 'numbers',
      record: {
        native_id,
        anchor_at: created_ms,
        version: versionOf(timeOf(item, 'date_updated') ?? created_ms, 0),
        payload,
        number,
        label: textOf(item, 'friendly_name'),
        trunk_id: textOf(item, 'trunk_sid') || native_id,
        valid_from: created_ms,
      },
    },
  ]
}

function dayMs(day: string, key: string): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN
  if (!(ms >= 0) || new Date(ms).toISOString().slice(0, 10) !== day) throw new FieldError(`${key} is not a calendar day`)
  return ms
}

function quantityOf(item: Item, key: string): number | null {
  const value = item[key]
  if (value === undefined || value === null || value === '') return null
  const quantity = typeof value === 'string' && /^-?\d{1,15}(\.\d+)?$/.test(value) ? Number(value) : value
  if (typeof quantity !== 'number' || !Number.isFinite(quantity)) throw new FieldError(`${key} is not a number`)
  return quantity
}
