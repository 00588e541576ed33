using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Gateway.Policy.Journal;

/// <summary>
/// The chain that makes a changed journal visible: hash(n) = SHA-256(hash(n−1) ‖ fields of n, each with its length in four octets, big-endian;
/// absent fields have length 2^32−1). The hash before position 1 is 32 zero octets.
/// </summary>
public static class HashChain
{
    /// <summary>Octets of one hash.</summary>
    public const int HashLength = 32;

    /// <summary>The hash that stands before position 1.</summary>
    public static Octets Genesis { get; } = new(new byte[HashLength]);

    /// <summary>The hash that <paramref name="envelope"/> must carry after <paramref name="previous"/>; its own Hash field is not read.</summary>
    public static Octets Next(Octets previous, Envelope envelope)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(previous.Span);
        Number(hash, envelope.Position);
        Text(hash, envelope.Subject);
        Text(hash, envelope.Name);
        Number(hash, envelope.Time.UtcTicks);
        Text(hash, envelope.CommandId);
        Text(hash, envelope.Principal.Door);
        Text(hash, envelope.Principal.Name);
        Text(hash, envelope.Issuer);
        Number(hash, envelope.Cause ?? -1);
        Bytes(hash, envelope.Data.Span);
        Span<byte> result = stackalloc byte[HashLength];
        hash.GetHashAndReset(result);
        return new Octets(result);
    }

    private static void Number(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        hash.AppendData(bytes);
    }

    private static void Text(IncrementalHash hash, string? text)
    {
        if (text is null)
        {
            hash.AppendData([0xff, 0xff, 0xff, 0xff]);
            return;
        }

        Bytes(hash, Encoding.UTF8.GetBytes(text));
    }

    private static void Bytes(IncrementalHash hash, ReadOnlySpan<byte> bytes)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
