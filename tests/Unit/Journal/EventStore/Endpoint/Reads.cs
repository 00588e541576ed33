using System.Text.RegularExpressions;
using Gateway.Host.Journal.EventStore;
using Gateway.Host.Journal.EventStore.Contract;
using Options = Gateway.Host.Journal.EventStore.Contract.ReadReq.Types.Options;

namespace Gateway.Unit.Journal.EventStore.Endpoint;

/// <summary>Reads and subscriptions of one stream or of all.</summary>
internal static class Reads
{
    public static async Task ServeAsync(GrpcAnswer answer, StoreState state, Options options, CancellationToken stop)
    {
        var structured = options.UuidOption.ContentCase == Options.Types.UUIDOption.ContentOneofCase.Structured;
        var all = options.StreamOptionCase == Options.StreamOptionOneofCase.All;
        var name = all ? "" : options.Stream.StreamIdentifier.StreamName.ToStringUtf8();
        if (!all && state.IsDeleted(name))
        {
            await answer.FailAsync(GrpcStatus.FailedPrecondition, $"Event stream '{name}' is deleted.", ("exception", "stream-deleted"), ("stream-name", name));
            return;
        }

        KeptEvent[] Now() => all ? state.All() : state.Stream(name) ?? [];
        if (options.CountOptionCase == Options.CountOptionOneofCase.Subscription)
        {
            await SubscribeAsync(answer, state, options, Now, structured, stop);
            return;
        }

        if (!all && state.Stream(name) is null)
        {
            await answer.SendAsync(new ReadResp { StreamNotFound = new ReadResp.Types.StreamNotFound { StreamIdentifier = options.Stream.StreamIdentifier } });
            await answer.EndAsync();
            return;
        }

        var matches = Filter(options);
        var events = Now();
        var backwards = options.ReadDirection == Options.Types.ReadDirection.Backwards;
        var chosen = (backwards ? events.Reverse() : events).Where(e => IsFrom(options, e, backwards, all) && matches(e)).Take((int)Math.Min(options.Count, int.MaxValue));
        await answer.BeginAsync();
        var sent = 0;
        foreach (var e in chosen)
        {
            await answer.SendAsync(Kept.Answer(e, structured));
            if (++sent % 200 == 0) await answer.FlushAsync();
        }

        if (!all && events.Length > 0) await answer.SendAsync(new ReadResp { LastStreamPosition = (ulong)(events.Length - 1) });
        await answer.EndAsync();
    }

    private static async Task SubscribeAsync(GrpcAnswer answer, StoreState state, Options options, Func<KeptEvent[]> now, bool structured, CancellationToken stop)
    {
        var matches = Filter(options);
        var filtered = options.FilterOptionCase == Options.FilterOptionOneofCase.Filter;
        var window = filtered ? Math.Max(1, (options.Filter.WindowCase == Options.Types.FilterOptions.WindowOneofCase.Max ? options.Filter.Max : 32) * Math.Max(1, options.Filter.CheckpointIntervalMultiplier)) : uint.MaxValue;
        await answer.SendAsync(new ReadResp { Confirmation = new ReadResp.Types.SubscriptionConfirmation { SubscriptionId = Guid.NewGuid().ToString() } });
        await answer.FlushAsync();
        var (behind, caughtUp, looked) = (Behind(options, now()), false, 0u);
        while (true)
        {
            var grown = state.Grown;
            foreach (var e in now().Where(e => e.Position > behind))
            {
                behind = e.Position;
                if (matches(e)) await answer.SendAsync(Kept.Answer(e, structured));
                if (++looked % window == 0) await answer.SendAsync(new ReadResp { Checkpoint = new ReadResp.Types.Checkpoint { CommitPosition = behind, PreparePosition = behind } });
            }

            if (!caughtUp) await answer.SendAsync(new ReadResp { CaughtUp = new ReadResp.Types.CaughtUp() });
            caughtUp = true;
            await answer.FlushAsync();
            await grown.WaitAsync(stop);
        }
    }

    /// <summary>A subscription begins behind what it names.</summary>
    private static ulong Behind(Options options, KeptEvent[] events) => options.StreamOptionCase switch
    {
        Options.StreamOptionOneofCase.All => options.All.AllOptionCase switch
        {
            Options.Types.AllOptions.AllOptionOneofCase.Position => options.All.Position.CommitPosition,
            Options.Types.AllOptions.AllOptionOneofCase.End => events.Length == 0 ? 0 : events[^1].Position,
            _ => 0,
        },
        _ => options.Stream.RevisionOptionCase switch
        {
            Options.Types.StreamOptions.RevisionOptionOneofCase.Revision => events.LastOrDefault(e => e.Revision <= (long)options.Stream.Revision)?.Position ?? 0,
            Options.Types.StreamOptions.RevisionOptionOneofCase.End => events.Length == 0 ? 0 : events[^1].Position,
            _ => 0,
        },
    };

    /// <summary>A read begins at what it names.</summary>
    private static bool IsFrom(Options options, KeptEvent e, bool backwards, bool all)
    {
        if (all)
        {
            if (options.All.AllOptionCase != Options.Types.AllOptions.AllOptionOneofCase.Position) return (options.All.AllOptionCase == Options.Types.AllOptions.AllOptionOneofCase.End) == backwards;
            return backwards ? e.Position < options.All.Position.CommitPosition : e.Position >= options.All.Position.CommitPosition;
        }

        if (options.Stream.RevisionOptionCase != Options.Types.StreamOptions.RevisionOptionOneofCase.Revision)
            return (options.Stream.RevisionOptionCase == Options.Types.StreamOptions.RevisionOptionOneofCase.End) == backwards;
        return backwards ? e.Revision <= (long)options.Stream.Revision : e.Revision >= (long)options.Stream.Revision;
    }

    private static Func<KeptEvent, bool> Filter(Options options)
    {
        if (options.FilterOptionCase != Options.FilterOptionOneofCase.Filter) return _ => true;
        var onStream = options.Filter.FilterCase == Options.Types.FilterOptions.FilterOneofCase.StreamIdentifier;
        var expression = onStream ? options.Filter.StreamIdentifier : options.Filter.EventType;
        if (expression.Regex.Length > 0)
        {
            var regex = new Regex(expression.Regex, RegexOptions.None, TimeSpan.FromSeconds(1));
            return e => regex.IsMatch(onStream ? e.Stream : e.Type);
        }

        return e => expression.Prefix.Any(p => (onStream ? e.Stream : e.Type).StartsWith(p, StringComparison.Ordinal));
    }
}
