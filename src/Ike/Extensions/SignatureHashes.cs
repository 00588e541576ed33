using System.Buffers.Binary;
using Gateway.Crypto.Signatures;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Extensions;

/// <summary>SIGNATURE_HASH_ALGORITHMS (RFC 7427 §4): which hashes a side takes in digital signatures.</summary>
internal static class SignatureHashes
{
    // SHA-1 is not offered: a peer that can do RFC 7427 can do better.
    private static readonly HashKind[] _taken = [HashKind.Sha256, HashKind.Sha384, HashKind.Sha512, HashKind.Identity];

    public static NotifyPayload Announce()
    {
        var data = new byte[2 * _taken.Length];
        for (var i = 0; i < _taken.Length; i++) BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2 * i), (ushort)_taken[i]);
        return new NotifyPayload(NotifyType.SignatureHashAlgorithms, data);
    }

    /// <summary>What the peer takes, one bit per hash; 0 when it does not know RFC 7427.</summary>
    public static byte Read(ValueList<Payload> payloads)
    {
        if (payloads.All<NotifyPayload>().FirstOrDefault(n => n.Notify == NotifyType.SignatureHashAlgorithms) is not { } notify) return 0;
        byte hashes = 0;
        for (var i = 0; i + 2 <= notify.Data.Length; i += 2)
            if (BinaryPrimitives.ReadUInt16BigEndian(notify.Data.Span[i..]) is >= 1 and <= 5 and var hash) hashes |= Bit((HashKind)hash);
        return hashes;
    }

    public static bool Contains(byte hashes, HashKind hash) => (hashes & Bit(hash)) != 0;

    /// <summary>Whether we take a hash.</summary>
    public static bool IsTaken(HashKind hash) => Array.IndexOf(_taken, hash) >= 0;

    private static byte Bit(HashKind hash) => (byte)(1 << (int)hash);
}
