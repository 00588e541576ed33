using System.Diagnostics.CodeAnalysis;
using Gateway.Policy;

namespace Gateway.Ike.Proposals;

/// <summary>Chooses what both sides can do (RFC 7296 §3.3.6).</summary>
public static class ProposalSelector
{
    /// <summary>
    /// The first of our proposals that some proposal of the peer meets, with one transform of each type and the number and SPI of the peer's proposal.
    /// Null means NO_PROPOSAL_CHOSEN.
    /// </summary>
    /// <remarks>Our order decides between proposals and between transforms, as strongSwan's default has it.</remarks>
    public static Proposal? Choose(ValueList<Proposal> local, ValueList<Proposal> remote)
    {
        foreach (var ours in local.AsSpan())
            foreach (var theirs in remote.AsSpan())
                if (TryMatch(ours, theirs, out var chosen)) return chosen;
        return null;
    }

    /// <summary>
    /// Judges the responder's answer to what we offered: one proposal, one transform of each type, all of them offered together.
    /// Null means that the answer is not one of ours and the exchange has failed (RFC 7296 §2.7).
    /// </summary>
    public static Proposal? Accept(ValueList<Proposal> offered, ValueList<Proposal> answer)
    {
        if (answer.Count != 1 || answer[0].Transforms.GroupBy(t => t.Type).Any(g => g.Count() > 1)) return null;
        return Choose(offered, answer);
    }

    /// <summary>Without key exchange: what IKE_AUTH offers for the first CHILD SA (RFC 7296 §1.2).</summary>
    public static ValueList<Proposal> WithoutKeyExchange(ValueList<Proposal> proposals) =>
        proposals.Select(p => p with { Transforms = p.Transforms.Where(t => t.Type is < TransformType.KeyExchange or TransformType.SequenceNumbers).ToValueList() })
            .ToValueList();

    private static bool TryMatch(Proposal ours, Proposal theirs, [NotNullWhen(true)] out Proposal? chosen)
    {
        chosen = null;
        if (ours.Protocol != theirs.Protocol) return false;
        // RFC 7296 §3.3.6: a transform type that we do not know makes the whole proposal unacceptable.
        foreach (var transform in theirs.Transforms.AsSpan())
            if (transform.Type is < TransformType.Encryption or > TransformType.AdditionalKeyExchange7) return false;

        var picked = new List<Transform>();
        for (var type = TransformType.Encryption; type <= TransformType.AdditionalKeyExchange7; type++)
        {
            // RFC 5282 §8: with a combined-mode cipher there is no integrity algorithm, or NONE, which means the same.
            if (type == TransformType.Integrity && CombinedMode.Is(picked[0].Id)) continue;
            if (!TryPick(type, ours, theirs, out var transform)) return false;
            if (transform is { } found) picked.Add(found);
            if (type == TransformType.Encryption && picked.Count == 0) return false;
            if (type == TransformType.Integrity && transform is null) return false;
        }

        chosen = theirs with { Transforms = picked.ToValueList() };
        return true;
    }

    private static bool TryPick(TransformType type, Proposal ours, Proposal theirs, out Transform? picked)
    {
        picked = null;
        if (Lacks(type, ours) && Lacks(type, theirs)) return true;
        if (Single(type, ours) is { } one && Single(type, theirs) is { } other)
        {
            if (other.HasUnknownAttribute || !Same(type, one, other)) return false;
            if (!IsNone(type, other)) picked = other;
            return true;
        }

        var wanted = Alternatives(type, ours);
        var offered = Alternatives(type, theirs);
        if (wanted.Count == 0 && offered.Count == 0) return true;
        // RFC 7296 §3.3.6: to leave a type out is to offer NONE of it; 0 is NONE for integrity and key exchange.
        if (wanted.Count == 0) wanted.Add(default);
        if (offered.Count == 0) offered.Add(default);
        foreach (var ourTransform in wanted)
        {
            foreach (var theirTransform in offered)
            {
                if (theirTransform.HasUnknownAttribute || !Same(type, ourTransform, theirTransform)) continue;
                if (!IsNone(type, theirTransform)) picked = theirTransform;
                return true;
            }
        }

        return false;
    }

    private static List<Transform> Alternatives(TransformType type, Proposal proposal)
    {
        var alternatives = proposal.Of(type).ToList();
        // RFC 7296 §3.3.3 has ESP always name its sequence numbers; a peer that does not means the classic 32-bit ones.
        if (type == TransformType.SequenceNumbers && alternatives.Count == 0 && proposal.Protocol != SaProtocol.Ike) alternatives.Add(Transform.NoEsn);
        return alternatives;
    }

    // Most types are in nobody's proposal.
    private static bool Lacks(TransformType type, Proposal proposal)
    {
        if (type == TransformType.SequenceNumbers) return false;
        foreach (var transform in proposal.Transforms.AsSpan())
            if (transform.Type == type) return false;
        return true;
    }

    // What a peer that is set up for this gateway sends: one transform of a type on both sides.
    private static Transform? Single(TransformType type, Proposal proposal)
    {
        Transform? single = null;
        foreach (var transform in proposal.Transforms.AsSpan())
        {
            if (transform.Type != type) continue;
            if (single is not null) return null;
            single = transform;
        }

        return single;
    }

    // RFC 7296 §3.3.5: the key length is part of the algorithm's identity.
    private static bool Same(TransformType type, Transform ours, Transform theirs) =>
        (IsNone(type, ours) && IsNone(type, theirs)) || (ours.Type == theirs.Type && ours.Id == theirs.Id && ours.KeyBits == theirs.KeyBits);

    private static bool IsNone(TransformType type, Transform transform) =>
        transform.Id == 0 && type is TransformType.Integrity or TransformType.KeyExchange or >= TransformType.AdditionalKeyExchange1;
}
