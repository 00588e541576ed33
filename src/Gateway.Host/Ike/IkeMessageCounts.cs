using System.Collections.Concurrent;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy.Sa;

namespace Gateway.Host.Ike;

/// <summary>Counts IKE messages by exchange, direction and kind, since the start: all of them, and those of each connection. Written by few, read by anybody.</summary>
internal sealed class IkeMessageCounts
{
    /// <summary>The exchanges that are told apart, in strongSwan's words.</summary>
    private static readonly (ExchangeType Exchange, string Word)[] _exchanges =
        [(ExchangeType.IkeSaInit, "ike-init"), (ExchangeType.IkeAuth, "ike-auth"), (ExchangeType.CreateChildSa, "create-child"), (ExchangeType.Informational, "info")];

    private static readonly string[] _kinds = ["in-req", "in-resp", "out-req", "out-resp"];

    /// <summary>What strongSwan calls invalid: what cannot be read as a message, or not opened.</summary>
    private static readonly IkeDrop[] _invalid = [IkeDrop.Malformed, IkeDrop.NotIke, IkeDrop.MalformedPayloads, IkeDrop.IntegrityFailed];

    private readonly long[] _counts = Row();
    private readonly ConcurrentDictionary<string, long[]> _byConnection = new();

    /// <summary>How often a datagram had no effect, by reason.</summary>
    public Func<IkeDrop, long> Drops { get; init; } = _ => 0;

    /// <summary>The connections of which something was counted.</summary>
    public ICollection<string> Connections => _byConnection.Keys;

    /// <summary>Counts a message by its header; what is no IKE message is not counted here.</summary>
    public void Count(ReadOnlySpan<byte> message, bool inbound) => Count(_counts, message, inbound);

    /// <summary>Counts a message of an IKE SA of a connection, which may have the non-ESP marker in front.</summary>
    public void Count(ConnectionName connection, ReadOnlySpan<byte> message, bool inbound) =>
        Count(_byConnection.GetOrAdd(connection.Value, static _ => Row()), NonEspMarker.Classify(message, out var unmarked) == NattContent.Ike ? unmarked : message, inbound);

    /// <summary>Every counter: <c>invalid</c>, <c>invalid-spi</c>, then <c>ike-init-in-req</c> and so on.</summary>
    public IEnumerable<(string Name, long Count)> All() =>
        [("invalid", _invalid.Sum(Drops)), ("invalid-spi", Drops(IkeDrop.UnknownSa)), .. Named(_counts)];

    /// <summary>The messages of one connection, all zero when there were none.</summary>
    public IEnumerable<(string Name, long Count)> Of(string connection) => Named(_byConnection.GetValueOrDefault(connection) ?? Row());

    private static long[] Row() => new long[_exchanges.Length * _kinds.Length];

    private static void Count(long[] counts, ReadOnlySpan<byte> message, bool inbound)
    {
        if (!IkeHeader.TryParse(message, out var header, out _)) return;
        var exchange = Array.FindIndex(_exchanges, e => e.Exchange == header.Exchange);
        if (exchange >= 0) Interlocked.Increment(ref counts[(exchange * _kinds.Length) + (inbound ? 0 : 2) + (header.IsRequest ? 0 : 1)]);
    }

    private static IEnumerable<(string Name, long Count)> Named(long[] counts)
    {
        for (var i = 0; i < counts.Length; i++) yield return ($"{_exchanges[i / _kinds.Length].Word}-{_kinds[i % _kinds.Length]}", Interlocked.Read(ref counts[i]));
    }
}
