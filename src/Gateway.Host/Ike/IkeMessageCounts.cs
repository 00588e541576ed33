using Gateway.Ike.Wire;

namespace Gateway.Host.Ike;

/// <summary>Counts IKE messages by exchange, direction and kind, since the start. Written by one loop, read by anybody.</summary>
internal sealed class IkeMessageCounts
{
    /// <summary>The exchanges that are told apart, in strongSwan's words.</summary>
    private static readonly (ExchangeType Exchange, string Word)[] _exchanges =
        [(ExchangeType.IkeSaInit, "ike-init"), (ExchangeType.IkeAuth, "ike-auth"), (ExchangeType.CreateChildSa, "create-child"), (ExchangeType.Informational, "info")];

    private readonly long[] _counts = new long[_exchanges.Length * 4];

    /// <summary>Counts a message by its header; what is no IKE message is not counted here.</summary>
    public void Count(ReadOnlySpan<byte> message, bool inbound)
    {
        if (!IkeHeader.TryParse(message, out var header, out _)) return;
        var exchange = Array.FindIndex(_exchanges, e => e.Exchange == header.Exchange);
        if (exchange >= 0) Interlocked.Increment(ref _counts[(exchange * 4) + (inbound ? 0 : 2) + (header.IsRequest ? 0 : 1)]);
    }

    /// <summary>Every counter: <c>ike-init-in-req</c> and so on.</summary>
    public IEnumerable<(string Name, long Count)> All()
    {
        string[] kinds = ["in-req", "in-resp", "out-req", "out-resp"];
        for (var i = 0; i < _counts.Length; i++) yield return ($"{_exchanges[i / 4].Word}-{kinds[i % 4]}", Interlocked.Read(ref _counts[i]));
    }
}
