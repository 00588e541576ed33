using Gateway.Crypto.Ciphers;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Keys;

/// <summary>What a fragment did.</summary>
public enum FragmentOutcome
{
    /// <summary>It was not usable; the error says why. What was gathered stays.</summary>
    Rejected,

    /// <summary>It was there already.</summary>
    Duplicate,

    /// <summary>It was kept and others are missing.</summary>
    Kept,

    /// <summary>The message is whole.</summary>
    Complete,
}

/// <summary>Gathers the fragments of one message (RFC 7383 §2.6). A value: adding makes a new one, so that it may be part of an SA's state.</summary>
/// <remarks>Only fragments that verify are kept, so that a stranger can neither fill it nor spoil it.</remarks>
public sealed class FragmentReassembly
{
    private readonly byte[]?[] _parts;
    private readonly PayloadType _first;

    private FragmentReassembly(MessageId id, byte[]?[] parts, PayloadType first) => (MessageId, _parts, _first) = (id, parts, first);

    /// <summary>Nothing gathered.</summary>
    public static FragmentReassembly Empty { get; } = new(default, [], PayloadType.None);

    /// <summary>The message being gathered.</summary>
    public MessageId MessageId { get; }

    /// <summary>How many fragments make the message; 0 for <see cref="Empty"/>.</summary>
    public int Total => _parts.Length;

    /// <summary>How many are here.</summary>
    public int Received => _parts.Count(p => p is not null);

    /// <summary>Adds a fragment.</summary>
    /// <param name="datagram">The octets that <paramref name="outer"/> was parsed from; its message id was judged by the caller.</param>
    /// <param name="next">What is gathered afterwards; <see cref="Empty"/> after a whole message, also when its content was faulty.</param>
    /// <param name="payloads">The payloads of the whole message.</param>
    public FragmentOutcome Add(
        ReadOnlySpan<byte> datagram, Message outer, IIkeCipher cipher, out FragmentReassembly next, out ValueList<Payload> payloads, out WireError error)
    {
        next = this;
        payloads = default;
        if (outer.Payloads is not [EncryptedFragmentPayload fragment]) return Reject(WireFault.NotProtected, out error);
        if (fragment.Total > SkFragments.MaxFragments) return Reject(WireFault.TooManyFragments, out error);

        var parts = _parts;
        if (outer.Header.MessageId != MessageId || parts.Length == 0) parts = new byte[]?[fragment.Total];
        // RFC 7383 §2.6: a smaller total is an older attempt and is dropped; a larger one means that the sender began again with smaller fragments.
        else if (fragment.Total < parts.Length) return Reject(WireFault.UnexpectedFragment, out error);
        else if (fragment.Total > parts.Length) parts = new byte[]?[fragment.Total];
        error = WireError.None;
        if (parts[fragment.Number - 1] is not null) return FragmentOutcome.Duplicate;

        if (!SkProtection.TryDecrypt(datagram, SkFragments.SkfHeaderLength, cipher, out var plain, out error)) return FragmentOutcome.Rejected;
        var kept = ReferenceEquals(parts, _parts) ? (byte[]?[])parts.Clone() : parts;
        kept[fragment.Number - 1] = plain;
        if (kept.Sum(p => p?.Length ?? 0) > SkFragments.MaxContent) return Reject(WireFault.TooManyFragments, out error);

        var first = fragment.Number == 1 ? fragment.FirstInner : ReferenceEquals(parts, _parts) ? _first : PayloadType.None;
        next = new FragmentReassembly(outer.Header.MessageId, kept, first);
        if (Array.Exists(kept, p => p is null)) return FragmentOutcome.Kept;

        next = Empty;
        var whole = kept.SelectMany(p => p!).ToArray();
        var ok = SkProtection.TryParseContent(outer.Header, first, whole, out payloads, out error);
        whole.AsSpan().Clear();
        return ok ? FragmentOutcome.Complete : FragmentOutcome.Rejected;
    }

    private static FragmentOutcome Reject(WireFault fault, out WireError error)
    {
        error = fault;
        return FragmentOutcome.Rejected;
    }
}
