/** Kafka into facts on librdkafka's mock cluster: real client, real group protocol, no broker. */
import { openMockCluster } from './fixtures/servers/kafka-cluster.ts'
import { kafkaSuite } from './kafka.suite.ts'

kafkaSuite('on the mock cluster', openMockCluster)
