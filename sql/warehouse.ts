/** Opens the warehouse: a ClickHouse server over HTTP, or the engine inside this process. */
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client'
import { CallhouseError, messageOf } from '../errors.ts'
import { EmbeddedConnection } from './embedded-connection.ts'
import { checkIdentifier, warehouseDefaults } from './warehouse-settings.ts'

/** @clickhouse/client's client, in both modes. */
export type Warehouse = ClickHouseClient

export interface WarehouseConfig {
  /** A ClickHouse server's address; without one the engine runs in this process. */
  url?: string | undefined
  username?: string | undefined
  password?: string | undefined
  database: string
  /** The data directory when there is no url. */
  path: string
}

/** Errors are thrown to callers, who know what may be logged; the client would print queries beside them. */
const log = { level: ClickHouseLogLevel.OFF }

const embedded = new WeakMap<Warehouse, EmbeddedConnection>()

/**
 * Opens the warehouse and creates its database when it is missing; it does not
 * migrate. Close the client when done.
 *
 * @example const warehouse = await openWarehouse({ database: 'callhouse', path: './data/warehouse' })
 */
export async function openWarehouse(config: WarehouseConfig): Promise<Warehouse> {
  checkIdentifier(config.database, 'database name')
  return config.url === undefined || config.url === '' ? await openEmbedded(config) : await openServer(config, config.url)
}

/** The connection behind an embedded warehouse, or undefined when it is a server. */
export function embeddedConnection(warehouse: Warehouse): EmbeddedConnection | undefined {
  return embedded.get(warehouse)
}

async function openEmbedded(config: WarehouseConfig): Promise<Warehouse> {
  const connection = await EmbeddedConnection.open(config.path, config.database)
  // The engine has the defaults on every connection, so they need not travel with each statement.
  const warehouse = createClient({ connection, database: config.database, log })
  embedded.set(warehouse, connection)
  return warehouse
}

async function openServer(config: WarehouseConfig, url: string): Promise<Warehouse> {
  const common = {
    url,
    username: config.username || 'default',
    password: config.password ?? '',
    application: 'callhouse' as const,
    request_timeout: 300_000,
    clickhouse_settings: warehouseDefaults,
    // Long lists of days go in the body, where no limit of an address applies.
    use_multipart_params_auto: true,
    log,
  }
  await createDatabase(createClient(common), config.database, url)
  return createClient({ ...common, database: config.database })
}

async function createDatabase(client: ClickHouseClient, database: string, url: string): Promise<void> {
  try {
    const found = await client.query({
      query: 'SELECT 1 FROM system.databases WHERE name = {database:String}',
      query_params: { database },
      format: 'JSONEachRow',
    })
    if ((await found.json()).length === 0) {
      await client.command({ query: 'CREATE DATABASE IF NOT EXISTS {database:Identifier}', query_params: { database } })
    }
  } catch (error) {
    const host = URL.canParse(url) ? new URL(url).host : 'warehouse.url'
    throw new CallhouseError('warehouse_unavailable', `The ClickHouse server at ${host} did not let Callhouse in: ${messageOf(error)}`, {
      cause: error,
    })
  } finally {
    await client.close()
  }
}
