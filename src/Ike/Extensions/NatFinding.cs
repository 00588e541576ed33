using System.Net;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Extensions;

/// <summary>Whether a NAT stands between the peers (RFC 7296 §2.23).</summary>
/// <param name="Supported">The peer sent its hashes.</param>
/// <param name="Local">A NAT stands before us.</param>
/// <param name="Remote">A NAT stands before the peer.</param>
internal readonly record struct NatFinding(bool Supported, bool Local, bool Remote)
{
    /// <summary>Our hashes of both ends, as we see them.</summary>
    public static IEnumerable<Payload> Announce(Scope scope, Peering peering)
    {
        var source = NatDetection.Hash(peering.Spis, peering.Local);
        if (peering.Connection.Spec.Encap)
        {
            // RFC 7296 §2.23 lets a side claim to be behind a NAT; both then encapsulate ESP in UDP.
            Span<byte> anything = stackalloc byte[source.Length];
            scope.Context.Entropy.Fill(anything);
            source = new Octets(anything);
        }

        yield return new NotifyPayload(NotifyType.NatDetectionSourceIp, source);
        yield return new NotifyPayload(NotifyType.NatDetectionDestinationIp, NatDetection.Hash(peering.Spis, peering.Remote));
    }

    /// <summary>Compares the peer's hashes with the addresses that its message really had.</summary>
    public static NatFinding Judge(ValueList<Payload> payloads, IkeSpiPair spis, IPEndPoint local, IPEndPoint remote)
    {
        var sources = payloads.All<NotifyPayload>().Where(n => n.Notify == NotifyType.NatDetectionSourceIp).ToList();
        var destination = payloads.Notify(NotifyType.NatDetectionDestinationIp);
        if (sources.Count == 0 || destination is null) return default;

        // RFC 7296 §2.23: there may be several sources, and one that matches is enough.
        var theirs = NatDetection.Hash(spis, remote);
        return new NatFinding(true, Local: destination.Data != NatDetection.Hash(spis, local), Remote: !sources.Exists(s => s.Data == theirs));
    }
}
