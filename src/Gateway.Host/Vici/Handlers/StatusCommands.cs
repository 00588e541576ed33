using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using Gateway.Host.Import;
using Gateway.Host.Vici.Server;
using Gateway.Host.Vici.Views;
using Gateway.Host.Vici.Wire;
using Gateway.Ike.Proposals;
using Gateway.Policy.Events;

namespace Gateway.Host.Vici.Handlers;

/// <summary>version, stats, get-algorithms, get-counters, reset-counters: what the gateway says of itself.</summary>
internal sealed class StatusCommands
{
    private readonly IViciFace _face;
    private readonly RekeyCounts _rekeys = new();
    private readonly ConcurrentDictionary<string, Dictionary<string, long>> _zero = new();

    public StatusCommands(IViciFace face)
    {
        _face = face;
        face.Follow(fact => _rekeys.Count(fact.Event));
    }

    public ViciSection Version(ViciSection request) => new()
    {
        { "daemon", "gateway" },
        { "version", _face.Version },
        { "sysname", "Linux" },
        { "release", Environment.OSVersion.Version.ToString() },
        { "machine", RuntimeInformation.OSArchitecture switch { Architecture.X64 => "x86_64", Architecture.Arm64 => "aarch64", var other => other.ToString().ToLowerInvariant() } },
    };

    public ViciSection Stats(ViciSection request)
    {
        var (resident, heap) = (Environment.WorkingSet, GC.GetTotalMemory(false));
        return new()
        {
            { "uptime", new ViciSection { { "running", Running(DateTimeOffset.UtcNow - _face.Started) }, { "since", _face.Started.ToLocalTime().ToString("MMM dd HH:mm:ss yyyy", CultureInfo.InvariantCulture) } } },
            // strongSwan's pool of threads: here the runtime's.
            {
                "workers", new ViciSection
                {
                    { "total", ThreadPool.ThreadCount },
                    { "idle", Math.Max(0, ThreadPool.ThreadCount - ThreadPool.PendingWorkItemCount) },
                    { "active", new ViciSection { { "critical", 0 }, { "high", 0 }, { "medium", ThreadPool.PendingWorkItemCount }, { "low", 0 } } },
                }
            },
            { "queues", new ViciSection { { "critical", 0 }, { "high", 0 }, { "medium", ThreadPool.PendingWorkItemCount }, { "low", 0 } } },
            { "scheduled", Timer.ActiveCount },
            { "ikesas", new ViciSection { { "total", _face.IkeSas.Count }, { "half-open", _face.HalfOpen } } },
            { "plugins", ["ike", "esp", "journal", "vault", "vici"] },
            { "mallinfo", new ViciSection { { "sbrk", resident }, { "mmap", 0 }, { "used", heap }, { "free", Math.Max(0, resident - heap) } } },
        };
    }

    /// <summary>What proposals can name and the gateway can do, for IKE or ESP.</summary>
    public static ViciSection Algorithms(ViciSection request)
    {
        var answer = new ViciSection();
        foreach (var (section, types) in ((string, TransformType)[])[("encryption", TransformType.Encryption), ("integrity", TransformType.Integrity), ("prf", TransformType.Prf), ("ke", TransformType.KeyExchange)])
        {
            var words = new ViciSection();
            foreach (var row in AlgorithmWords.Rows.Where(r => r.Type == types && SupportedProposals.CanDo(r.Type, r.Id))) words.Add(row.Word, "libcrypto");
            answer.Add(section, words);
        }

        return answer;
    }

    /// <summary>The counters of all connections together, or of one, or with <c>all</c> of each.</summary>
    public ViciSection Counters(ViciSection request)
    {
        var counters = new ViciSection();
        if (request["name"] is { } name) counters.Add(name, Of(name));
        else if (request.IsYes("all"))
            foreach (var connection in Connections) counters.Add(connection, Of(connection));
        else counters.Add("", Of(""));
        return new() { { "counters", counters }, { "success", "yes" } };
    }

    public ViciSection ResetCounters(ViciSection request)
    {
        // Those of a connection are its own, so that none of the others begins anew with them.
        foreach (var connection in request["name"] is { } name ? [name] : request.IsYes("all") ? Connections : [""]) _zero[connection] = Counted(connection).ToDictionary(c => c.Name, c => c.Count);
        return ViciAnswer.Done();
    }

    private IEnumerable<string> Connections => _rekeys.Connections.Union(_face.Messages.Connections).Order(StringComparer.Ordinal);

    private ViciSection Of(string connection)
    {
        var (section, zero) = (new ViciSection(), _zero.GetValueOrDefault(connection));
        foreach (var (name, count) in Counted(connection)) section.Add(name, count - (zero?.GetValueOrDefault(name) ?? 0));
        return section;
    }

    // Of a connection, or with the empty name of all together. What has no readable header belongs to no connection.
    private IEnumerable<(string Name, long Count)> Counted(string connection)
    {
        var rekeys = _rekeys.Of(connection);
        IEnumerable<(string, long)> messages = connection.Length == 0 ? _face.Messages.All() : [("invalid", 0), ("invalid-spi", 0), .. _face.Messages.Of(connection)];
        return [("ike-rekey-init", rekeys.Began), ("ike-rekey-resp", rekeys.Answered), ("child-rekey", rekeys.Children), .. messages];
    }

    private static string Running(TimeSpan span) => span switch
    {
        { TotalSeconds: < 120 } => $"{(long)span.TotalSeconds} seconds",
        { TotalMinutes: < 120 } => $"{(long)span.TotalMinutes} minutes",
        { TotalHours: < 48 } => $"{(long)span.TotalHours} hours",
        _ => $"{(long)span.TotalDays} days",
    };

    /// <summary>Rekeyings of a connection: IKE SAs by either side, and CHILD SAs.</summary>
    internal readonly record struct RekeyCount(long Began, long Answered, long Children);

    private sealed class RekeyCounts
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<string, RekeyCount> _counts = [];

        public IReadOnlyList<string> Connections
        {
            get
            {
                lock (_gate) return [.. _counts.Keys];
            }
        }

        public RekeyCount Of(string connection)
        {
            lock (_gate)
            {
                return connection.Length > 0
                    ? _counts.GetValueOrDefault(connection)
                    : _counts.Values.Aggregate(default(RekeyCount), (a, b) => new RekeyCount(a.Began + b.Began, a.Answered + b.Answered, a.Children + b.Children));
            }
        }

        public void Count(GatewayEvent e)
        {
            var (connection, more) = e switch
            {
                IkeSaEstablished { Replaces: not null, Initiator: true } sa => (sa.Connection.Value, new RekeyCount(1, 0, 0)),
                IkeSaEstablished { Replaces: not null } sa => (sa.Connection.Value, new RekeyCount(0, 1, 0)),
                ChildSaInstalled { Replaces: not null } child => (child.Parameters.Connection.Value, new RekeyCount(0, 0, 1)),
                _ => (null, default),
            };
            if (connection is null) return;
            lock (_gate)
            {
                var counts = _counts.GetValueOrDefault(connection);
                _counts[connection] = new RekeyCount(counts.Began + more.Began, counts.Answered + more.Answered, counts.Children + more.Children);
            }
        }
    }
}
