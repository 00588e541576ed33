// node command.mjs GATEWAY '{"id":"…","put":[…]}'; the broker is in AMQP_URL.
import amqp from 'amqplib';

const [gateway, command] = process.argv.slice(2);
const connection = await amqp.connect(process.env.AMQP_URL ?? 'amqp://localhost');
const channel = await connection.createChannel();
const { queue } = await channel.assertQueue('', { exclusive: true });
const outcome = new Promise((resolve) => channel.consume(queue, (message) => resolve(JSON.parse(message.content)), { noAck: true }));
channel.publish('gateway.commands', gateway, Buffer.from(command), { replyTo: queue, correlationId: JSON.parse(command).id, persistent: true });
const { id, status, revision, errors = [] } = await outcome;
console.log(id, status, revision ?? '', ...errors.map((e) => `${e.item} ${e.path}: ${e.message}`));
await connection.close();
