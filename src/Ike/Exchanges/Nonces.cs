using Gateway.Policy;

namespace Gateway.Ike.Exchanges;

/// <summary>The order of nonces that decides collisions.</summary>
internal static class Nonces
{
    /// <summary>RFC 7296 §2.8.1: "lowest" is an octet-by-octet comparison; of two where one begins with the other the shorter is lower.</summary>
    public static int Compare(Octets left, Octets right) => left.Span.SequenceCompareTo(right.Span);

    public static Octets Lower(Octets left, Octets right) => Compare(left, right) <= 0 ? left : right;
}
