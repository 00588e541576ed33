using Gateway.Ike.Keys;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Sa;

/// <summary>A request that waits for its response. Retransmissions are these very octets (RFC 7296 §2.1).</summary>
/// <param name="Datagrams">Without non-ESP marker; several when it is fragmented.</param>
/// <param name="Sent">How often it was sent.</param>
public sealed record Outstanding(MessageId Id, ExchangeType Exchange, ValueList<Octets> Datagrams, int Sent = 1);

/// <summary>The last response given, for a peer that did not get it.</summary>
public sealed record Answered(MessageId Id, ExchangeType Exchange, ValueList<Octets> Datagrams);

/// <summary>The protected channel of an IKE SA: keys and hot state. All of it is in the vault before a datagram that depends on it leaves.</summary>
public sealed record Channel
{
    public required IkeKeys Keys { get; init; }

    /// <summary>The next IV of AEAD ciphers, also when the last one was stored and never sent: no IV serves twice (RFC 5282 §3.1).</summary>
    public ulong NextIv { get; init; }

    /// <summary>The id of our next request (RFC 7296 §2.2).</summary>
    public MessageId NextRequest { get; init; }

    /// <summary>RFC 7296 §2.3: the window is one request.</summary>
    public Outstanding? Request { get; init; }

    /// <summary>The id that the peer's next request must have.</summary>
    public MessageId NextExpected { get; init; }

    public Answered? Answer { get; init; }

    /// <summary>Fragments of a message that is not whole yet; not kept over a restart, the peer sends them again.</summary>
    public FragmentReassembly Gathering { get; init; } = FragmentReassembly.Empty;

    /// <summary>When the peer last proved that it lives.</summary>
    public Timestamp LastHeard { get; init; }
}
