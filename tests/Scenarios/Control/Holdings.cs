using System.Globalization;

namespace Gateway.Scenarios.Control;

/// <summary>What a gateway holds of everything that can be made and must go again. Two of these are equal when nothing is left behind.</summary>
internal sealed record Holdings
{
    public required int FreePackets { get; init; }

    public required int Interfaces { get; init; }

    public required int Routes { get; init; }

    public required (int Four, int Six) Forwarding { get; init; }

    public required int Adjacencies { get; init; }

    public required int Neighbors { get; init; }

    public required int Bridges { get; init; }

    public required int Acls { get; init; }

    public required int NatRules { get; init; }

    public required int Policies { get; init; }

    public required int Items { get; init; }

    /// <summary>Retired and not yet freed.</summary>
    public required int Waiting { get; init; }

    public required int Descriptors { get; init; }

    /// <summary>Those of the gateway; the runtime's own come and go.</summary>
    public required string Threads { get; init; }

    /// <summary>Asks until two answers in a row are alike: workers give back and the control side frees a little later.</summary>
    public static async Task<Holdings> OfAsync(MemoryGateway gateway)
    {
        var last = Now(gateway);
        for (var i = 0; i < 200; i++)
        {
            await Task.Delay(50);
            var next = Now(gateway);
            if (next == last && next.Waiting == 0) return next;
            last = next;
        }

        return last;
    }

    private static Holdings Now(MemoryGateway gateway)
    {
        var dataplane = gateway.Dataplane;
        lock (dataplane.Gate) dataplane.Tables.Epochs.Reclaim();
        return new Holdings
        {
            FreePackets = dataplane.Pool.Available,
            Interfaces = dataplane.Interfaces().Count,
            Routes = dataplane.Routes().Count,
            Forwarding = (dataplane.Tables.Fib4.Count, dataplane.Tables.Fib6.Count),
            Adjacencies = dataplane.Tables.Adjacencies.Count,
            Neighbors = dataplane.Neighbors().Count,
            Bridges = dataplane.Switching.Bridges().Count,
            Acls = dataplane.Filtering.Acls().Count,
            NatRules = dataplane.Flows.Rules().Count,
            Policies = dataplane.Security.Rules().Count,
            Items = gateway.Runtime.Show("items", null).Count,
            Waiting = dataplane.Tables.Epochs.Waiting,
            Descriptors = Directory.EnumerateFileSystemEntries("/proc/self/fd").Count(),
            Threads = string.Join(' ', Directory.EnumerateDirectories("/proc/self/task").Select(NameOf).Where(n => n.Length > 0 && !n.StartsWith(".NET", StringComparison.Ordinal)).GroupBy(n => n).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Key}×{g.Count()}"))),
        };
    }

    private static string NameOf(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).Trim();
        }
        catch (IOException)
        {
            // It has just ended.
            return "";
        }
    }
}
