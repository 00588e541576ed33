using System.Buffers.Binary;
using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;
using System.Text.Json.Serialization;

namespace Gateway.Policy.Items;

/// <summary>
/// Prefixes of one address family, each once, in the order of their addresses and lengths. Without an object for each: five octets for an IPv4 prefix, seventeen for an IPv6 one, its address and its length,
/// so that a table of the whole Internet is a few megabytes which the garbage collector does not look into.
/// </summary>
[JsonConverter(typeof(PrefixListJson))]
[SuppressMessage("Naming", "CA1710", Justification = "A list of prefixes is what it is called.")]
public sealed class PrefixList : IReadOnlyList<IpPrefix>, IEquatable<PrefixList>
{
    private const int Width4 = 5, Width6 = 17;

    private readonly byte[] _octets;

    private PrefixList(byte[] octets, bool isV6) => (_octets, IsV6) = (octets, isV6);

    public static PrefixList Empty { get; } = new([], isV6: false);

    public bool IsV6 { get; }

    public int Count => _octets.Length / Width;

    public IpPrefix this[int index] => new(new IPAddress(OctetsAt(index)[..^1]), LengthAt(index));

    private int Width => IsV6 ? Width6 : Width4;

    /// <exception cref="ArgumentException">One has bits beyond its length, or they are of both address families.</exception>
    public static PrefixList Of(IEnumerable<IpPrefix> prefixes)
    {
        var gathering = new Gathering();
        foreach (var prefix in prefixes)
            if (!gathering.TryAdd(Encoding.UTF8.GetBytes(prefix.ToString()))) throw new ArgumentException($"{prefix} does not go with the others.", nameof(prefixes));
        return gathering.ToList();
    }

    /// <summary>The octets of a prefix, as <see cref="OctetsAt"/> gives them.</summary>
    public static byte[] OctetsOf(IpPrefix prefix) => [.. prefix.Address.GetAddressBytes(), (byte)prefix.Length];

    /// <summary>The address in network order, and behind it the prefix length.</summary>
    public ReadOnlySpan<byte> OctetsAt(int index) => _octets.AsSpan(index * Width, Width);

    public int LengthAt(int index) => _octets[(index * Width) + Width - 1];

    /// <summary>True when it has just this prefix, whose octets are as those of <see cref="OctetsAt"/>.</summary>
    public bool Holds(ReadOnlySpan<byte> prefix)
    {
        if (prefix.Length != Width || Count == 0 || prefix.SequenceCompareTo(OctetsAt(0)) < 0 || prefix.SequenceCompareTo(OctetsAt(Count - 1)) > 0) return false;
        for (var (low, high) = (0, Count - 1); low <= high;)
        {
            var middle = (low + high) / 2;
            var order = prefix.SequenceCompareTo(OctetsAt(middle));
            if (order == 0) return true;
            if (order < 0) high = middle - 1;
            else low = middle + 1;
        }

        return false;
    }

    /// <summary>False when they certainly have no prefix in common.</summary>
    public bool Meets(PrefixList other) =>
        IsV6 == other.IsV6 && Count > 0 && other.Count > 0 && OctetsAt(0).SequenceCompareTo(other.OctetsAt(other.Count - 1)) <= 0 && other.OctetsAt(0).SequenceCompareTo(OctetsAt(Count - 1)) <= 0;

    /// <summary>The first prefix that both have; null when there is none.</summary>
    public IpPrefix? FirstCommon(PrefixList other)
    {
        if (!Meets(other)) return null;
        for (var (i, j) = (0, 0); i < Count && j < other.Count;)
        {
            var order = OctetsAt(i).SequenceCompareTo(other.OctetsAt(j));
            if (order == 0) return this[i];
            if (order < 0) i++;
            else j++;
        }

        return null;
    }

    public bool Equals(PrefixList? other) => other is not null && IsV6 == other.IsV6 && _octets.AsSpan().SequenceEqual(other._octets);

    public override bool Equals(object? obj) => Equals(obj as PrefixList);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_octets);
        return hash.ToHashCode();
    }

    public override string ToString() => Count == 1 ? this[0].ToString() : $"{Count} prefixes";

    public IEnumerator<IpPrefix> GetEnumerator()
    {
        for (var i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Takes prefixes as texts, in any order.</summary>
    internal sealed class Gathering
    {
        private const int Longest = 64;
        private readonly List<ulong> _four = [];
        private readonly List<(UInt128 Address, byte Length)> _six = [];

        /// <summary>False, with nothing taken: it is no prefix, has bits beyond its length, or is of the other address family.</summary>
        public bool TryAdd(ReadOnlySpan<byte> text)
        {
            if (TryFour(text, out var four))
            {
                if (_six.Count > 0) return false;
                _four.Add(four);
                return true;
            }

            if (_four.Count > 0 || text.Length > Longest || !IpPrefix.TryParse(Encoding.UTF8.GetString(text), out var prefix)) return false;
            if (prefix.Family != System.Net.Sockets.AddressFamily.InterNetworkV6 || !prefix.IsCanonical) return false;
            _six.Add((Rules.Addresses.Number(prefix.Address), (byte)prefix.Length));
            return true;
        }

        public PrefixList ToList() => _six.Count > 0 ? Six() : _four.Count > 0 ? Four() : Empty;

        private PrefixList Four()
        {
            _four.Sort();
            var octets = new byte[_four.Count * Width4];
            var count = 0;
            for (var i = 0; i < _four.Count; i++)
            {
                if (i > 0 && _four[i] == _four[i - 1]) continue;
                var at = octets.AsSpan(count++ * Width4);
                BinaryPrimitives.WriteUInt32BigEndian(at, (uint)(_four[i] >> 8));
                at[4] = (byte)_four[i];
            }

            return new PrefixList(count == _four.Count ? octets : octets[..(count * Width4)], isV6: false);
        }

        private PrefixList Six()
        {
            _six.Sort();
            var octets = new byte[_six.Count * Width6];
            var count = 0;
            for (var i = 0; i < _six.Count; i++)
            {
                if (i > 0 && _six[i] == _six[i - 1]) continue;
                var at = octets.AsSpan(count++ * Width6);
                BinaryPrimitives.WriteUInt128BigEndian(at, _six[i].Address);
                at[16] = _six[i].Length;
            }

            return new PrefixList(count == _six.Count ? octets : octets[..(count * Width6)], isV6: true);
        }

        // By hand, as single addresses are read: there may be a million of them.
        private static bool TryFour(ReadOnlySpan<byte> text, out ulong prefix)
        {
            prefix = 0;
            var (at, address) = (0, 0u);
            for (var i = 0; i < 4; i++)
            {
                if (i > 0 && (at >= text.Length || text[at++] != '.')) return false;
                if (!TryNumber(text, ref at, 255, out var octet)) return false;
                address = (address << 8) | octet;
            }

            if (at >= text.Length || text[at++] != '/' || !TryNumber(text, ref at, 32, out var length) || at != text.Length) return false;
            if (length < 32 && address << (int)length != 0) return false;
            prefix = ((ulong)address << 8) | length;
            return true;
        }

        private static bool TryNumber(ReadOnlySpan<byte> text, ref int at, uint most, out uint value)
        {
            value = 0;
            var start = at;
            for (; at < text.Length && at - start < 3 && text[at] is >= (byte)'0' and <= (byte)'9'; at++) value = (value * 10) + text[at] - '0';
            return at > start && value <= most && (at - start == 1 || text[start] != '0');
        }
    }
}
