using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Gateway.Policy.Journal;

/// <summary>
/// The chain that makes a changed journal visible: hash(n) = SHA-256(hash(n−1) ‖ fields of n, each with its length in four octets, big-endian;
/// absent fields have length 2^32−1; numbers are eight octets without a length). The hash before position 1 is 32 zero octets.
/// The order of the fields: position, subject, name, time (ticks of 100 ns since year 1, UTC), command id, door, principal, issuer, cause (−1 for none), data.
/// </summary>
public static class HashChain
{
    /// <summary>Octets of one hash.</summary>
    public const int HashLength = 32;

    /// <summary>Octets of the numbers and the lengths: three numbers, and seven lengths.</summary>
    private const int FixedLength = HashLength + (3 * 8) + (7 * 4);

    /// <summary>The hash that stands before position 1.</summary>
    public static Octets Genesis { get; } = new(new byte[HashLength]);

    /// <summary>The hash that <paramref name="envelope"/> must carry after <paramref name="previous"/>; its own Hash field is not read.</summary>
    public static Octets Next(Octets previous, Envelope envelope)
    {
        var hash = new byte[HashLength];
        Compute(previous, envelope, hash);
        return Octets.Owning(hash);
    }

    /// <summary>True when <paramref name="envelope"/> follows an event whose hash is <paramref name="previous"/>.</summary>
    public static bool Holds(Octets previous, Envelope envelope)
    {
        Span<byte> hash = stackalloc byte[HashLength];
        Compute(previous, envelope, hash);
        return envelope.Hash.Span.SequenceEqual(hash);
    }

    /// <summary>No fewer octets than <see cref="Write"/> writes.</summary>
    public static int MostOctets(Envelope e) => FixedLength + e.Data.Length
        + (3 * (e.Subject.Length + e.Name.Length + (e.CommandId?.Length ?? 0) + e.Principal.Door.Length + e.Principal.Name.Length + (e.Issuer?.Length ?? 0)));

    // All fields go into one buffer and through one call: hashing piece by piece costs several times as much as the hash itself.
    private static void Compute(Octets previous, Envelope e, Span<byte> hash)
    {
        var most = MostOctets(e);
        byte[]? rented = null;
        var buffer = most <= 2048 ? stackalloc byte[2048] : (rented = ArrayPool<byte>.Shared.Rent(most));
        SHA256.HashData(buffer[..Write(previous, e, buffer)], hash);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
    }

    /// <summary>Writes what is hashed and gives its length.</summary>
    /// <param name="previous">The hash of the event before.</param>
    /// <param name="e">The event; its own hash is not read.</param>
    /// <param name="buffer">At least <see cref="MostOctets"/>.</param>
    public static int Write(Octets previous, Envelope e, Span<byte> buffer)
    {
        previous.Span.CopyTo(buffer);
        var at = previous.Length;
        Number(buffer, ref at, e.Position);
        Text(buffer, ref at, e.Subject);
        Text(buffer, ref at, e.Name);
        Number(buffer, ref at, e.Time.UtcTicks);
        Text(buffer, ref at, e.CommandId);
        Text(buffer, ref at, e.Principal.Door);
        Text(buffer, ref at, e.Principal.Name);
        Text(buffer, ref at, e.Issuer);
        Number(buffer, ref at, e.Cause ?? -1);
        BinaryPrimitives.WriteInt32BigEndian(buffer[at..], e.Data.Length);
        e.Data.Span.CopyTo(buffer[(at + 4)..]);
        return at + 4 + e.Data.Length;
    }

    private static void Number(Span<byte> buffer, ref int at, long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(buffer[at..], value);
        at += 8;
    }

    private static void Text(Span<byte> buffer, ref int at, string? text)
    {
        var length = text is null ? -1 : Encoding.UTF8.GetBytes(text, buffer[(at + 4)..]);
        BinaryPrimitives.WriteInt32BigEndian(buffer[at..], length);
        at += 4 + Math.Max(0, length);
    }
}
