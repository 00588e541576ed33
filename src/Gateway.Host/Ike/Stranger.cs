using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;

namespace Gateway.Host.Ike;

/// <summary>Tells by a few octets who may wait: a first request that brings no cookie, which is all that a flood can be made of at no cost.</summary>
internal static class Stranger
{
    private const int _genericHeader = 4;
    private const int _notifyType = IkeHeader.Size + _genericHeader + 2;

    /// <summary>Whether a datagram is an IKE_SA_INIT request without a cookie; a cookie that is sent back stands first (RFC 7296 §2.6).</summary>
    public static bool Knocks(ReadOnlySpan<byte> message) =>
        IkeHeader.TryParse(message, out var header, out _) && header is { Exchange: ExchangeType.IkeSaInit, IsRequest: true, ResponderSpi.IsNone: true } && !BringsCookie(message);

    // RFC 7296 §3.10: protocol, SPI size, type.
    private static bool BringsCookie(ReadOnlySpan<byte> message) =>
        message.Length >= _notifyType + 2 && message[16] == (byte)PayloadType.Notify && ((message[_notifyType] << 8) | message[_notifyType + 1]) == (int)NotifyType.Cookie;
}
