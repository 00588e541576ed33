using System.Buffers;
using Gateway.Crypto.Hashing;
using Gateway.Policy;
using Gateway.Policy.Events.Written;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.Pages;

/// <summary>
/// Some events of a journal, one behind the other, as the octets that are hashed: what was read is checked and decoded where it lies, and no object is made of
/// an event but what it says. Between two events stands the hash that the first one bears, as the second one's message begins with it. The memory is borrowed:
/// who took the page gives it back.
/// </summary>
internal sealed class EventPage : IDisposable
{
    /// <summary>Octets with which a page is full, if it is not by the number of its events.</summary>
    private const int FullLength = 224 * 1024;

    private const int Hash = HashChain.HashLength;

    private readonly int[] _starts = new int[JournalPages.Length + 1];
    private byte[] _octets = ArrayPool<byte>.Shared.Rent(256 * 1024);
    private int _malformed = int.MaxValue;

    public int Count { get; private set; }

    public bool IsFull => Count == JournalPages.Length || _starts[Count] >= FullLength;

    /// <summary>Events before the first one whose hash is not even as long as a hash.</summary>
    public int WellFormed => Math.Min(_malformed, Count);

    /// <summary>All octets; the messages to hash lie in them.</summary>
    public ReadOnlySpan<byte> Octets => _octets;

    /// <summary>The page's end.</summary>
    public JournalHead Last => HeadAt(Count - 1);

    /// <summary>The fields of an event; they are the page's memory.</summary>
    public EventOctets this[int index] => EventOctets.Read(_octets.AsSpan((_starts[index] + Hash)..));

    /// <summary>Where the message lies that is hashed, and its length with the padding.</summary>
    public (int Start, int Length) Message(int index) => (_starts[index], _starts[index + 1] - _starts[index]);

    public long PositionAt(int index) => System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(_octets.AsSpan(_starts[index] + Hash));

    public ReadOnlySpan<byte> HashAt(int index) => _octets.AsSpan(_starts[index + 1], Hash);

    public JournalHead HeadAt(int index) => new(PositionAt(index), new Octets(HashAt(index)));

    public static DateTimeOffset TimeOf(EventOctets e) => new(e.Ticks, TimeSpan.Zero);

    /// <summary>Copies what another store read.</summary>
    public static EventPage Of(IReadOnlyList<Envelope> events)
    {
        var page = new EventPage();
        foreach (var e in events)
        {
            var most = HashChain.MostOctets(e);
            page.Reserve(most);
            page.Close(HashChain.Write(default, e, page._octets.AsSpan(page._starts[page.Count] + Hash)), e.Hash.Span);
        }

        return page;
    }

    public void Add(EventOctets e, ReadOnlySpan<byte> hash)
    {
        Reserve(Hash + e.Length);
        e.Write(_octets.AsSpan((_starts[Count] + Hash)..));
        Close(e.Length, hash);
    }

    /// <summary>Says what stands before the first event.</summary>
    /// <returns>False when it is no hash.</returns>
    public bool Follows(JournalHead after)
    {
        if (after.Hash.Length != Hash) return false;
        after.Hash.Span.CopyTo(_octets);
        return true;
    }

    /// <summary>All events with all that is stored of them.</summary>
    public Envelope[] ToEnvelopes(RecurringValues recurring)
    {
        var envelopes = new Envelope[Count];
        for (var i = 0; i < envelopes.Length; i++) envelopes[i] = EnvelopeAt(i, recurring);
        return envelopes;
    }

    /// <summary>The event with all that is stored of it.</summary>
    public Envelope EnvelopeAt(int index, RecurringValues recurring)
    {
        var e = this[index];
        return new Envelope
        {
            Position = e.Position,
            Subject = RecurringValues.Text(recurring, e.Subject),
            Name = RecurringValues.Text(recurring, e.Name),
            Time = TimeOf(e),
            CommandId = e.HasCommandId ? RecurringValues.Text(recurring, e.CommandId) : null,
            Principal = recurring.Principal(e.Door, e.Who),
            Issuer = e.HasIssuer ? RecurringValues.Text(recurring, e.Issuer) : null,
            Cause = e.Cause == -1 ? null : e.Cause,
            Data = new Octets(e.Data),
            Hash = new Octets(HashAt(index)),
        };
    }

    public void Dispose()
    {
        var octets = _octets;
        (_octets, Count) = ([], 0);
        if (octets.Length > 0) ArrayPool<byte>.Shared.Return(octets);
    }

    private void Reserve(int length)
    {
        var needed = _starts[Count] + Sha256Lanes.PaddedLength(length) + Hash;
        if (needed <= _octets.Length) return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, 2 * _octets.Length));
        _octets.AsSpan(0, _starts[Count] + Hash).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_octets);
        _octets = larger;
    }

    /// <param name="length">Of the fields.</param>
    /// <param name="hash">The one that the event bears.</param>
    private void Close(int length, ReadOnlySpan<byte> hash)
    {
        var end = _starts[Count] + Sha256Lanes.Pad(_octets.AsSpan(_starts[Count]..), Hash + length);
        var place = _octets.AsSpan(end, Hash);
        if (hash.Length == Hash) hash.CopyTo(place);
        else
        {
            place.Clear();
            _malformed = Math.Min(_malformed, Count);
        }

        _starts[++Count] = end;
    }
}
