using Gateway.Ike.Sa;
using Gateway.Policy.Sa;

namespace Gateway.Host.Ike;

/// <summary>An IKE message that came or went, for those who watch: what a step told of it, or the datagram of one that nothing protects.</summary>
/// <param name="Sa">Null before there is one.</param>
/// <param name="Clear">The message without the non-ESP marker; null with <paramref name="Trace"/>.</param>
internal sealed record MessageSeen(IkeSaId? Sa, ConnectionName? Connection, MessageTrace? Trace, byte[]? Clear, bool Received);
