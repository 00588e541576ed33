using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Keys;

/// <summary>The hashes by which two peers see whether an address between them was translated (RFC 7296 §2.23).</summary>
public static class NatDetection
{
    /// <summary>Data of NAT_DETECTION_SOURCE_IP or NAT_DETECTION_DESTINATION_IP for an endpoint: SHA-1 over SPIs, address and port.</summary>
    /// <param name="spis">As in the header of the message that carries the notify: the responder's SPI is zero in the first one.</param>
    /// <param name="endpoint">The endpoint as the sender sees it.</param>
    public static Octets Hash(IkeSpiPair spis, IPEndPoint endpoint)
    {
        Span<byte> data = stackalloc byte[16 + 16 + 2];
        BinaryPrimitives.WriteUInt64BigEndian(data, spis.Initiator.Value);
        BinaryPrimitives.WriteUInt64BigEndian(data[8..], spis.Responder.Value);
        endpoint.Address.TryWriteBytes(data[16..], out var size);
        BinaryPrimitives.WriteUInt16BigEndian(data[(16 + size)..], (ushort)endpoint.Port);
        return new Octets(SHA1.HashData(data[..(18 + size)]));
    }
}
