// The event store's own client against an endpoint: node conformance.mjs URI CASE. Exits with 0 when everything was as the client expects it of a real store.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  EventStoreDBClient, jsonEvent, streamNameFilter, eventTypeFilter, START, END, FORWARDS, BACKWARDS, NO_STREAM, STREAM_EXISTS, ANY,
  WrongExpectedVersionError, StreamNotFoundError, StreamDeletedError, MaxAppendSizeExceededError, AccessDeniedError, NotLeaderError,
} from '@eventstore/db-client';

const [uri, name] = process.argv.slice(2);
const client = EventStoreDBClient.connectionString(uri);
const numbers = (from, count) => Array.from({ length: count }, (_, i) => from + i);
const events = (from, count) => numbers(from, count).map((n) => jsonEvent({ type: 'counted', data: { n }, metadata: { by: 'node' } }));
const read = async (stream) => { const all = []; for await (const one of stream) all.push(one); return all; };
// With credentials of the call's own the client takes the method Append, without them BatchAppend.
const ways = { batch: {}, single: { credentials: { username: 'gateway', password: 'changeit' } } };

const cases = {
  async append() {
    for (const [way, options] of Object.entries(ways)) {
      const stream = `append-${way}-${randomUUID()}`;
      const first = await client.appendToStream(stream, events(0, 3), { expectedRevision: NO_STREAM, ...options });
      assert.equal(first.success, true);
      assert.equal(first.nextExpectedRevision, 2n);
      assert.ok(first.position.commit > 0n);
      const second = await client.appendToStream(stream, events(3, 2), { expectedRevision: 2n, ...options });
      assert.equal(second.nextExpectedRevision, 4n);
      assert.ok(second.position.commit > first.position.commit);
      await client.appendToStream(stream, events(5, 1), { expectedRevision: STREAM_EXISTS, ...options });
      await client.appendToStream(stream, events(6, 1), { expectedRevision: ANY, ...options });
      const all = await read(client.readStream(stream));
      assert.deepEqual(all.map((r) => r.event.data.n), numbers(0, 7));
      assert.deepEqual(all.map((r) => r.event.revision), numbers(0, 7).map(BigInt));
      assert.ok(all.every((r) => r.event.type === 'counted' && r.event.metadata.by === 'node' && r.event.streamId === stream && r.event.created instanceof Date));
      assert.ok(Math.abs(all[0].event.created - Date.now()) < 600_000);
    }
  },
  async conflict() {
    for (const [way, options] of Object.entries(ways)) {
      const stream = `conflict-${way}-${randomUUID()}`;
      await client.appendToStream(stream, events(0, 3), { expectedRevision: NO_STREAM, ...options });
      for (const [expectedRevision, expected] of [[NO_STREAM, NO_STREAM], [1n, 1n], [9n, 9n]]) {
        const error = await client.appendToStream(stream, events(3, 1), { expectedRevision, ...options }).then(() => null, (e) => e);
        assert.ok(error instanceof WrongExpectedVersionError, `${way} ${expectedRevision}: ${error}`);
        assert.equal(error.actualVersion, 2n);
        assert.equal(error.expectedVersion, expected);
      }
      const missing = await client.appendToStream(`none-${randomUUID()}`, events(0, 1), { expectedRevision: STREAM_EXISTS, ...options }).then(() => null, (e) => e);
      assert.ok(missing instanceof WrongExpectedVersionError);
      assert.equal(missing.actualVersion, NO_STREAM);
      assert.equal((await read(client.readStream(stream))).length, 3);
    }
  },
  async idempotent() {
    for (const [way, options] of Object.entries(ways)) {
      const stream = `twice-${way}-${randomUUID()}`;
      const batch = events(0, 4);
      const first = await client.appendToStream(stream, batch, { expectedRevision: NO_STREAM, ...options });
      await client.appendToStream(stream, events(4, 1), { expectedRevision: 3n, ...options });
      const again = await client.appendToStream(stream, batch, { expectedRevision: NO_STREAM, ...options });
      assert.equal(again.success, true);
      assert.equal(again.nextExpectedRevision, first.nextExpectedRevision);
      assert.equal((await read(client.readStream(stream))).length, 5);
    }
  },
  async read() {
    const stream = `read-${randomUUID()}`;
    await client.appendToStream(stream, events(0, 50));
    const data = async (options) => (await read(client.readStream(stream, options))).map((r) => r.event.data.n);
    assert.deepEqual(await data({ direction: FORWARDS, fromRevision: START }), numbers(0, 50));
    assert.deepEqual(await data({ direction: BACKWARDS, fromRevision: END }), numbers(0, 50).reverse());
    assert.deepEqual(await data({ fromRevision: 20n, maxCount: 5 }), numbers(20, 5));
    assert.deepEqual(await data({ direction: BACKWARDS, fromRevision: 20n, maxCount: 3 }), [20, 19, 18]);
    assert.deepEqual(await data({ direction: BACKWARDS, fromRevision: END, maxCount: 1 }), [49]);
    await assert.rejects(read(client.readStream(`none-${randomUUID()}`)), StreamNotFoundError);
    const all = await read(client.readAll({ maxCount: 10_000 }));
    assert.ok(all.length >= 50);
    assert.ok(all.every((r, i) => i === 0 || r.event.position.commit > all[i - 1].event.position.commit));
    const last = await read(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 2 }));
    assert.deepEqual(last.map((r) => r.event.data.n), [49, 48]);
    const from = await read(client.readAll({ fromPosition: all[7].event.position, maxCount: 3 }));
    assert.deepEqual(from.map((r) => r.event.id), all.slice(7, 10).map((r) => r.event.id));
  },
  async subscribe() {
    const stream = `followed-${randomUUID()}`;
    await client.appendToStream(stream, events(0, 10));
    const seen = [];
    let confirmed = false;
    const subscription = client.subscribeToStream(stream, { fromRevision: 3n }).on('confirmation', () => { confirmed = true; });
    const done = (async () => { for await (const { event } of subscription) { seen.push(event.data.n); if (seen.length === 16) break; } })();
    await client.appendToStream(stream, events(10, 10));
    await done;
    assert.ok(confirmed);
    assert.deepEqual(seen, numbers(4, 16));
    await subscription.unsubscribe().catch(() => {});
  },
  async all() {
    const prefix = `fleet-${randomUUID()}`;
    await client.appendToStream(`${prefix}-a`, events(0, 5));
    await client.appendToStream(`noise-${randomUUID()}`, events(0, 200));
    const checkpoints = [];
    const follow = async (options, count) => {
      const seen = [];
      const subscription = client.subscribeToAll(options);
      for await (const { event } of subscription) { seen.push(event); if (seen.length === count) break; }
      await subscription.unsubscribe().catch(() => {});
      return seen;
    };
    const filter = streamNameFilter({ prefixes: [prefix], maxSearchWindow: 10, checkpointReached: (_, position) => { checkpoints.push(position); } });
    const following = follow({ fromPosition: START, filter }, 8);
    await client.appendToStream(`${prefix}-b`, events(5, 3));
    const seen = await following;
    assert.deepEqual(seen.map((e) => e.data.n), numbers(0, 8));
    assert.ok(checkpoints.length > 0 && checkpoints.every((p, i) => i === 0 || p.commit > checkpoints[i - 1].commit));
    const after = await follow({ fromPosition: seen[4].position, filter: streamNameFilter({ regex: `^${prefix}` }) }, 3);
    assert.deepEqual(after.map((e) => e.data.n), [5, 6, 7]);
    const typed = await follow({ fromPosition: START, filter: eventTypeFilter({ prefixes: ['count'] }) }, 20);
    assert.ok(typed.every((e) => e.type === 'counted'));
  },
  async refusals() {
    const big = jsonEvent({ type: 'big', data: { text: 'x'.repeat(200_000) } });
    for (const options of Object.values(ways)) {
      const error = await client.appendToStream(`big-${randomUUID()}`, big, options).then(() => null, (e) => e);
      assert.ok(error instanceof MaxAppendSizeExceededError, `${error}`);
      assert.equal(error.maxAppendSize, 100_000);
    }
    const dead = `dead-${randomUUID()}`;
    await client.appendToStream(dead, events(0, 1));
    await client.tombstoneStream(dead);
    await assert.rejects(read(client.readStream(dead)), StreamDeletedError);
    for (const options of Object.values(ways)) await assert.rejects(client.appendToStream(dead, events(1, 1), options), StreamDeletedError);
  },
  async denied() {
    await assert.rejects(client.appendToStream(`denied-${randomUUID()}`, events(0, 1)), (e) => e instanceof AccessDeniedError || /denied/i.test(e.message));
  },
  async leader() {
    // A follower refuses what must be done by the leader, and says who that is; the client's next call goes there.
    const stream = `leader-${randomUUID()}`;
    const refused = await read(client.readStream(stream, { requiresLeader: true })).then(() => null, (e) => e);
    assert.ok(refused instanceof NotLeaderError, `${refused}`);
    assert.ok(refused.leader.port > 0);
    await client.appendToStream(stream, events(0, 1), { expectedRevision: NO_STREAM, requiresLeader: true, ...ways.single });
    assert.equal((await read(client.readStream(stream, { requiresLeader: true }))).length, 1);
  },
  async journal() {
    // What a gateway wrote, read by a program that knows nothing of it.
    const all = await read(client.readStream('gateway-test'));
    assert.equal(all.length, 40);
    assert.deepEqual(all.map((r) => r.event.metadata.position), numbers(1, 40));
    assert.ok(all.every((r) => r.event.metadata.hash.length === 64 && r.event.type === 'test.v1' && r.event.isJson && typeof r.event.data === 'string'));
    assert.equal(new Set(all.map((r) => r.event.id)).size, 40);
  },
};

try {
  await cases[name]();
  console.log(`${name} ok`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await client.dispose();
}
process.exit();
