using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Journal.Snapshots;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;

namespace Gateway.Host.Runtime;

/// <summary>
/// A gateway that comes back from a crash spends most of the time until its first packet in the runtime's own making ready: types, and methods that could not be
/// compiled ahead of time. What every journal will need of that is made ready on another processor while the first one still opens files.
/// </summary>
internal static class HeadStart
{
    /// <summary>In the order in which a start comes by them; the facts of SAs and transactions are not read by the serializer.</summary>
    private static readonly (JsonSerializerOptions Options, Type Type)[] _read =
    [
        (ApiJson.Options, typeof(SnapshotHeader)),
        (PolicyJson.Stored, typeof(InterfaceSpec)),
        (PolicyJson.Stored, typeof(GatewayStarted)),
        (PolicyJson.Stored, typeof(ItemApplied)),
        (PolicyJson.Stored, typeof(ItemPending)),
        (PolicyJson.Stored, typeof(ConnectionSpec)),
        (PolicyJson.Stored, typeof(SecretSpec)),
    ];

    /// <summary>Begins, and returns at once; nothing depends on its having ended.</summary>
    public static void Begin()
    {
        if (Environment.ProcessorCount > 1) ThreadPool.UnsafeQueueUserWorkItem(static _ => MakeReady(), null);
    }

    private static void MakeReady()
    {
        foreach (var (options, type) in _read) options.GetTypeInfo(type);
    }
}
