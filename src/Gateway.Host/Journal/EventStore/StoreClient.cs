using System.Runtime.CompilerServices;
using Gateway.Host.Journal.EventStore.Contract;
using Google.Protobuf;
using ReadOptions = Gateway.Host.Journal.EventStore.Contract.ReadReq.Types.Options;

namespace Gateway.Host.Journal.EventStore;

/// <summary>What came of an append. A closed family.</summary>
internal abstract record AppendResult
{
    private AppendResult()
    {
    }

    /// <summary>It is stored; perhaps by an earlier try of the same events.</summary>
    public sealed record Stored(long Revision) : AppendResult;

    /// <summary>The stream does not end where it was said to.</summary>
    /// <param name="Current">Revision of its last event; −1 = there is no such stream.</param>
    public sealed record WrongRevision(long Current) : AppendResult;
}

/// <summary>A place in the order of all events of the store.</summary>
public readonly record struct AllPosition(ulong Commit, ulong Prepare)
{
    public static AllPosition Start => default;
}

/// <summary>What a subscription tells. A closed family.</summary>
internal abstract record AllMessage
{
    private AllMessage()
    {
    }

    /// <summary>An event that passed the filter.</summary>
    public sealed record Event(string Stream, RecordedEvent Recorded, AllPosition Position) : AllMessage;

    /// <summary>Everything up to here was looked at: to be remembered, so that events which the filter keeps out are not looked at again.</summary>
    public sealed record Checkpoint(AllPosition Position) : AllMessage;

    /// <summary>The end was reached; what follows is new.</summary>
    public sealed record CaughtUp : AllMessage;
}

/// <summary>Which events of all streams are wanted: those of streams, or those of types, that begin with one of the prefixes.</summary>
internal sealed record AllFilter(bool OnStream, IReadOnlyList<string> Prefixes);

/// <summary>An event as the store has it.</summary>
/// <param name="Revision">Number in its stream, from 0.</param>
internal sealed record RecordedEvent(long Revision, Guid Id, string Type, ReadOnlyMemory<byte> Metadata, ReadOnlyMemory<byte> Data, DateTimeOffset Created);

/// <summary>
/// The store's streams: append, read, follow. Repeats what failed in passing, at the leader as it is then, until the deadline. Repeating an append is
/// harmless: it carries the expected revision and the events' ids, so the store answers a second copy as it did the first.
/// </summary>
internal sealed class StoreClient(EventStoreUri uri, TimeProvider clock) : IDisposable
{
    private const string Append = "event_store.client.streams.Streams/Append";
    private const string Read = "event_store.client.streams.Streams/Read";

    /// <summary>Stands for all; no number of JSON is larger.</summary>
    private const long MaxCount = (1L << 53) - 1;
    private static readonly Empty _empty = new();
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(1);

    private readonly StoreCluster _cluster = new(uri);

    public EventStoreUri Uri => uri;

    public StoreEndpoint? Node => _cluster.Current;

    /// <summary>Appends events behind the revision <paramref name="expected"/> (−1: there must be no such stream).</summary>
    /// <exception cref="StoreException">
    /// Not done within the deadline. <see cref="StoreFailure.Unclear"/>, also when only an earlier try was, means that it may have been stored, or may be yet.
    /// </exception>
    public async Task<AppendResult> AppendAsync(string stream, long expected, IReadOnlyList<AppendReq.Types.ProposedMessage> events, CancellationToken stop)
    {
        var options = new AppendReq.Types.Options { StreamIdentifier = Name(stream) };
        if (expected < 0) options.NoStream = _empty;
        else options.Revision = (ulong)expected;
        var frames = GrpcFrames.Write([new AppendReq { Options = options }, .. events.Select(e => new AppendReq { ProposedMessage = e })]);
        var unclear = false;
        var answer = await TryAsync(
            leader: true,
            (node, patience) => node.CallAsync(Append, frames, AppendResp.Parser, leader: true, patience, stop),
            e => unclear |= e.Failure == StoreFailure.Unclear,
            e => unclear && e.Failure != StoreFailure.Unclear ? new StoreException(StoreFailure.Unclear, e.Status, e.Message, e) : e,
            stop).ConfigureAwait(false);
        return answer.ResultCase switch
        {
            AppendResp.ResultOneofCase.Success => new AppendResult.Stored((long)answer.Success.CurrentRevision),
            AppendResp.ResultOneofCase.WrongExpectedVersion => new AppendResult.WrongRevision(
                answer.WrongExpectedVersion.CurrentRevisionOptionCase == AppendResp.Types.WrongExpectedVersion.CurrentRevisionOptionOneofCase.CurrentRevision ? (long)answer.WrongExpectedVersion.CurrentRevision : -1),
            _ => throw new StoreException(StoreFailure.Unclear, GrpcStatus.Internal, "The store answered an append with something unknown."),
        };
    }

    /// <summary>The last event of a stream; null when there is no such stream.</summary>
    public async Task<RecordedEvent?> LastAsync(string stream, CancellationToken stop)
    {
        var frames = GrpcFrames.Write(new ReadReq { Options = OfStream(new ReadOptions.Types.StreamOptions { StreamIdentifier = Name(stream), End = _empty }, 1, ReadOptions.Types.ReadDirection.Backwards) });
        return await TryAsync(
            leader: true,
            async (node, patience) =>
            {
                RecordedEvent? last = null;
                await foreach (var answer in node.StreamAsync(Read, frames, ReadResp.Parser, leader: true, patience, stop).ConfigureAwait(false))
                    if (answer.ContentCase == ReadResp.ContentOneofCase.Event) last = Of(answer.Event.Event);
                return last;
            },
            _ => { },
            e => e,
            stop).ConfigureAwait(false);
    }

    /// <summary>Events of a stream from a revision on, in order, up to its end or <paramref name="count"/>; nothing when there is no such stream. Goes on at another node when one fails in the midst.</summary>
    /// <param name="leader">Only what the leader has: a follower may lag behind.</param>
    public async IAsyncEnumerable<RecordedEvent> ReadAsync(string stream, long from, long count, bool leader, [EnumeratorCancellation] CancellationToken stop)
    {
        var patience = new Patience(this, stop);
        while (count > 0)
        {
            var frames = GrpcFrames.Write(new ReadReq { Options = OfStream(new ReadOptions.Types.StreamOptions { StreamIdentifier = Name(stream), Revision = (ulong)from }, count, ReadOptions.Types.ReadDirection.Forwards) });
            var (node, answers) = await patience.StartAsync(leader, n => n.StreamAsync(Read, frames, ReadResp.Parser, leader, patience.OfOneTry, stop)).ConfigureAwait(false);
            var ended = false;
            await using (answers.ConfigureAwait(false))
            {
                while (await patience.NextAsync(node, answers).ConfigureAwait(false) is { } more)
                {
                    ended = !more;
                    if (ended) break;
                    if (answers.Current.ContentCase != ReadResp.ContentOneofCase.Event || answers.Current.Event.Event is null) continue;
                    var e = Of(answers.Current.Event.Event);
                    (from, count) = (e.Revision + 1, count - 1);
                    yield return e;
                }
            }

            if (ended) yield break;
        }
    }

    /// <summary>Events of a stream from a revision on, then the new ones as they come, until cancelled. Connects again for as long as it takes.</summary>
    public async IAsyncEnumerable<RecordedEvent> FollowAsync(string stream, long from, Action<StoreException>? lost, [EnumeratorCancellation] CancellationToken stop)
    {
        var pause = _firstPause;
        while (true)
        {
            var at = new ReadOptions.Types.StreamOptions { StreamIdentifier = Name(stream) };
            // A subscription begins behind the revision that it names.
            if (from == 0) at.Start = _empty;
            else at.Revision = (ulong)(from - 1);
            var options = OfStream(at, 0, ReadOptions.Types.ReadDirection.Forwards);
            options.Subscription = new ReadOptions.Types.SubscriptionOptions();
            await foreach (var answer in SubscribeAsync(options, lost, stop).ConfigureAwait(false))
            {
                pause = _firstPause;
                if (answer.ContentCase != ReadResp.ContentOneofCase.Event || answer.Event.Event is null) continue;
                var e = Of(answer.Event.Event);
                if (e.Revision < from) continue;
                from = e.Revision + 1;
                yield return e;
            }

            await Task.Delay(pause, clock, stop).ConfigureAwait(false);
            pause = Longer(pause);
        }
    }

    /// <summary>
    /// Events of all streams that pass the filter, behind a position, then the new ones, until cancelled. Checkpoints come in between, so that a long time
    /// without a wanted event does not have to be gone through again. After a lost connection it goes on behind the last event or checkpoint.
    /// </summary>
    public async IAsyncEnumerable<AllMessage> FollowAllAsync(AllPosition from, AllFilter? filter, Action<StoreException>? lost, [EnumeratorCancellation] CancellationToken stop)
    {
        var pause = _firstPause;
        while (true)
        {
            var at = new ReadOptions.Types.AllOptions();
            if (from == AllPosition.Start) at.Start = _empty;
            else at.Position = new ReadOptions.Types.Position { CommitPosition = from.Commit, PreparePosition = from.Prepare };
            var options = new ReadOptions
            {
                All = at,
                Subscription = new ReadOptions.Types.SubscriptionOptions(),
                UuidOption = new ReadOptions.Types.UUIDOption { String = _empty },
                ControlOption = new ReadOptions.Types.ControlOption { Compatibility = 1 },
            };
            if (filter is null) options.NoFilter = _empty;
            else options.Filter = Of(filter);
            await foreach (var answer in SubscribeAsync(options, lost, stop).ConfigureAwait(false))
            {
                pause = _firstPause;
                switch (answer.ContentCase)
                {
                    case ReadResp.ContentOneofCase.Event when answer.Event.Event is { } e:
                        from = new AllPosition(e.CommitPosition, e.PreparePosition);
                        yield return new AllMessage.Event(e.StreamIdentifier.StreamName.ToStringUtf8(), Of(e), from);
                        break;
                    case ReadResp.ContentOneofCase.Checkpoint:
                        from = new AllPosition(answer.Checkpoint.CommitPosition, answer.Checkpoint.PreparePosition);
                        yield return new AllMessage.Checkpoint(from);
                        break;
                    case ReadResp.ContentOneofCase.CaughtUp:
                        yield return new AllMessage.CaughtUp();
                        break;
                }
            }

            await Task.Delay(pause, clock, stop).ConfigureAwait(false);
            pause = Longer(pause);
        }
    }

    public void Dispose() => _cluster.Dispose();

    // Ends, without a word, when the connection is lost in passing; a refusal is thrown.
    private async IAsyncEnumerable<ReadResp> SubscribeAsync(ReadOptions options, Action<StoreException>? lost, [EnumeratorCancellation] CancellationToken stop)
    {
        var frames = GrpcFrames.Write(new ReadReq { Options = options });
        StoreNode? node = null;
        IAsyncEnumerator<ReadResp>? answers = null;
        try
        {
            while (true)
            {
                ReadResp answer;
                try
                {
                    node ??= await _cluster.FindAsync(leader: false, stop).ConfigureAwait(false);
                    answers ??= node.StreamAsync(Read, frames, ReadResp.Parser, leader: false, System.Threading.Timeout.InfiniteTimeSpan, stop).GetAsyncEnumerator(stop);
                    if (!await answers.MoveNextAsync().ConfigureAwait(false)) yield break;
                    answer = answers.Current;
                }
                catch (StoreException e) when (e.IsPassing)
                {
                    if (node is not null) _cluster.Leave(node, e);
                    lost?.Invoke(e);
                    yield break;
                }

                yield return answer;
            }
        }
        finally
        {
            if (answers is not null) await answers.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<T> TryAsync<T>(bool leader, Func<StoreNode, TimeSpan, Task<T>> call, Action<StoreException> failed, Func<StoreException, StoreException> last, CancellationToken stop)
    {
        var patience = new Patience(this, stop);
        while (true)
        {
            StoreNode? node = null;
            try
            {
                node = await _cluster.FindAsync(leader, stop).ConfigureAwait(false);
                return await call(node, patience.OfOneTry).ConfigureAwait(false);
            }
            catch (StoreException e)
            {
                failed(e);
                if (node is not null) _cluster.Leave(node, e);
                if (!e.IsPassing || !await patience.PauseAsync(e).ConfigureAwait(false)) throw last(e);
            }
        }
    }

    private static ReadOptions OfStream(ReadOptions.Types.StreamOptions at, long count, ReadOptions.Types.ReadDirection direction) => new()
    {
        Stream = at,
        Count = (ulong)Math.Min(count, MaxCount),
        ReadDirection = direction,
        NoFilter = _empty,
        UuidOption = new ReadOptions.Types.UUIDOption { String = _empty },
        ControlOption = new ReadOptions.Types.ControlOption { Compatibility = 1 },
    };

    private static ReadOptions.Types.FilterOptions Of(AllFilter filter)
    {
        var expression = new ReadOptions.Types.FilterOptions.Types.Expression();
        expression.Prefix.AddRange(filter.Prefixes);
        var options = new ReadOptions.Types.FilterOptions { Max = 32, CheckpointIntervalMultiplier = 1 };
        if (filter.OnStream) options.StreamIdentifier = expression;
        else options.EventType = expression;
        return options;
    }

    private static RecordedEvent Of(ReadResp.Types.ReadEvent.Types.RecordedEvent e) => new(
        (long)e.StreamRevision, IdOf(e.Id), e.Metadata.TryGetValue("type", out var type) ? type : "", e.CustomMetadata.Memory, e.Data.Memory,
        e.Metadata.TryGetValue("created", out var created) && long.TryParse(created, out var ticks) && ticks is >= 0 and < 3_000_000_000_000_000_000 ? DateTimeOffset.UnixEpoch.AddTicks(ticks) : default);

    private static Guid IdOf(UUID? id) => id switch
    {
        { ValueCase: UUID.ValueOneofCase.String } when Guid.TryParse(id.String, out var guid) => guid,
        { ValueCase: UUID.ValueOneofCase.Structured } => OfStructured(id.Structured),
        _ => Guid.Empty,
    };

    private static Guid OfStructured(UUID.Types.Structured id)
    {
        Span<byte> bytes = stackalloc byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes, id.MostSignificantBits);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes[8..], id.LeastSignificantBits);
        return new Guid(bytes, bigEndian: true);
    }

    private static StreamIdentifier Name(string stream) => new() { StreamName = ByteString.CopyFromUtf8(stream) };

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < _longestPause ? pause * 2 : _longestPause;

    /// <summary>The deadline of one request with all its repetitions; for a long read, of each standstill.</summary>
    private sealed class Patience(StoreClient client, CancellationToken stop)
    {
        private long _since = client.Clock.GetTimestamp();
        private TimeSpan _pause = _firstPause;

        /// <summary>A node that hangs must not use up the time in which another would answer.</summary>
        public TimeSpan OfOneTry => client.Uri.Deadline * 0.4;

        /// <summary>Waits before the next try; false when there is no time for one.</summary>
        public async Task<bool> PauseAsync(StoreException why)
        {
            if (client.Clock.GetElapsedTime(_since) + _pause >= client.Uri.Deadline) return false;
            // A named leader is asked at once.
            if (why is { Failure: StoreFailure.NotLeader, Leader: not null } && _pause == _firstPause)
            {
                _pause = Longer(_pause);
                return true;
            }

            await Task.Delay(_pause, client.Clock, stop).ConfigureAwait(false);
            _pause = Longer(_pause);
            return true;
        }

        public async Task<(StoreNode Node, IAsyncEnumerator<ReadResp> Answers)> StartAsync(bool leader, Func<StoreNode, IAsyncEnumerable<ReadResp>> call)
        {
            while (true)
            {
                try
                {
                    var node = await client._cluster.FindAsync(leader, stop).ConfigureAwait(false);
                    return (node, call(node).GetAsyncEnumerator(stop));
                }
                catch (StoreException e) when (e.IsPassing)
                {
                    if (!await PauseAsync(e).ConfigureAwait(false)) throw;
                }
            }
        }

        /// <summary>True = there is a next answer; false = the end; null = lost in passing, to be started again.</summary>
        public async Task<bool?> NextAsync(StoreNode node, IAsyncEnumerator<ReadResp> answers)
        {
            try
            {
                var more = await answers.MoveNextAsync().ConfigureAwait(false);
                (_since, _pause) = (client.Clock.GetTimestamp(), _firstPause);
                return more;
            }
            catch (StoreException e) when (e.IsPassing)
            {
                client._cluster.Leave(node, e);
                if (!await PauseAsync(e).ConfigureAwait(false)) throw;
                return null;
            }
        }
    }

    private TimeProvider Clock => clock;
}
