using System.Buffers.Binary;

namespace Gateway.Policy.Journal;

/// <summary>
/// An event's fields as octets, in the order and form in which <see cref="HashChain"/> hashes them; texts are UTF-8. It looks into somebody else's memory.
/// </summary>
public readonly ref struct EventOctets
{
    /// <summary>Octets of the numbers and the lengths: three numbers, and seven lengths.</summary>
    private const int FixedLength = (3 * 8) + (7 * 4);

    public required long Position { get; init; }

    public required ReadOnlySpan<byte> Subject { get; init; }

    public required ReadOnlySpan<byte> Name { get; init; }

    /// <summary>100 ns since year 1, UTC.</summary>
    public required long Ticks { get; init; }

    /// <summary>No octets also when there is none.</summary>
    public ReadOnlySpan<byte> CommandId { get; init; }

    public bool HasCommandId { get; init; }

    public required ReadOnlySpan<byte> Door { get; init; }

    public required ReadOnlySpan<byte> Who { get; init; }

    /// <summary>No octets also when there is none.</summary>
    public ReadOnlySpan<byte> Issuer { get; init; }

    public bool HasIssuer { get; init; }

    /// <summary>−1 = none.</summary>
    public required long Cause { get; init; }

    public required ReadOnlySpan<byte> Data { get; init; }

    /// <summary>Octets that <see cref="Write"/> writes.</summary>
    public int Length => FixedLength + Subject.Length + Name.Length + CommandId.Length + Door.Length + Who.Length + Issuer.Length + Data.Length;

    /// <summary>Writes all fields, each text and the data with its length before it.</summary>
    public void Write(Span<byte> buffer)
    {
        BinaryPrimitives.WriteInt64BigEndian(buffer, Position);
        var at = 8;
        Put(buffer, ref at, Subject);
        Put(buffer, ref at, Name);
        BinaryPrimitives.WriteInt64BigEndian(buffer[at..], Ticks);
        at += 8;
        Put(buffer, ref at, CommandId, HasCommandId);
        Put(buffer, ref at, Door);
        Put(buffer, ref at, Who);
        Put(buffer, ref at, Issuer, HasIssuer);
        BinaryPrimitives.WriteInt64BigEndian(buffer[at..], Cause);
        at += 8;
        Put(buffer, ref at, Data);
    }

    /// <summary>The fields that <see cref="Write"/>, or <see cref="HashChain"/>, wrote at the beginning of <paramref name="octets"/>.</summary>
    public static EventOctets Read(ReadOnlySpan<byte> octets)
    {
        var at = 8;
        var subject = Next(octets, ref at, out _);
        var name = Next(octets, ref at, out _);
        var ticks = BinaryPrimitives.ReadInt64BigEndian(octets[at..]);
        at += 8;
        var command = Next(octets, ref at, out var hasCommand);
        var door = Next(octets, ref at, out _);
        var who = Next(octets, ref at, out _);
        var issuer = Next(octets, ref at, out var hasIssuer);
        var cause = BinaryPrimitives.ReadInt64BigEndian(octets[at..]);
        at += 8;
        return new EventOctets
        {
            Position = BinaryPrimitives.ReadInt64BigEndian(octets),
            Subject = subject,
            Name = name,
            Ticks = ticks,
            CommandId = command,
            HasCommandId = hasCommand,
            Door = door,
            Who = who,
            Issuer = issuer,
            HasIssuer = hasIssuer,
            Cause = cause,
            Data = Next(octets, ref at, out _),
        };
    }

    private static void Put(Span<byte> buffer, ref int at, ReadOnlySpan<byte> octets, bool isThere = true)
    {
        BinaryPrimitives.WriteInt32BigEndian(buffer[at..], isThere ? octets.Length : -1);
        octets.CopyTo(buffer[(at + 4)..]);
        at += 4 + octets.Length;
    }

    private static ReadOnlySpan<byte> Next(ReadOnlySpan<byte> octets, scoped ref int at, out bool isThere)
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(octets[at..]);
        isThere = length >= 0;
        var next = octets.Slice(at + 4, Math.Max(0, length));
        at += 4 + next.Length;
        return next;
    }
}
