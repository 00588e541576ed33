using System.Diagnostics.CodeAnalysis;
using Gateway.Policy;

namespace Gateway.Ike.Proposals;

/// <summary>Why a proposal string is not usable, and the word that is to blame.</summary>
public sealed record ProposalTextError(string Token, string Sentence);

/// <summary>Reads and prints proposals as strongSwan writes them: <c>aes128gcm16-prfsha256-x25519</c>, or <c>default</c>.</summary>
public static class ProposalText
{
    /// <summary>Reads one string; <c>default</c> gives several proposals, all others one.</summary>
    public static bool TryParse(SaProtocol protocol, string text, out ValueList<Proposal> proposals, [NotNullWhen(false)] out ProposalTextError? error)
    {
        proposals = default;
        error = null;
        if (text.Trim().Equals("default", StringComparison.OrdinalIgnoreCase))
        {
            proposals = Default(protocol);
            return true;
        }

        if (!TryParseOne(protocol, text.Trim(), out var proposal, out error)) return false;
        proposals = [proposal];
        return true;
    }

    /// <summary>Reads a list in order of preference; an empty one means the defaults. The proposals are numbered from 1.</summary>
    public static bool TryParseAll(
        SaProtocol protocol, IEnumerable<string> texts, out ValueList<Proposal> proposals, [NotNullWhen(false)] out ProposalTextError? error)
    {
        proposals = default;
        error = null;
        var found = new List<Proposal>();
        foreach (var text in texts)
        {
            if (!TryParse(protocol, text, out var some, out error)) return false;
            found.AddRange(some);
        }

        proposals = Number(found.Count == 0 ? Default(protocol) : found);
        return true;
    }

    /// <summary>What is proposed and accepted where nothing is configured: strong algorithms only, AEADs first.</summary>
    public static ValueList<Proposal> Default(SaProtocol protocol)
    {
        var lists = protocol == SaProtocol.Ike ? _ikeDefaults : _espDefaults;
        return Number(lists.Select(text => TryParseOne(protocol, text, out var proposal, out var error)
            ? proposal
            : throw new InvalidOperationException($"The default proposal {text} is not valid: {error.Sentence}")));
    }

    /// <summary>The proposal in strongSwan's words; a PRF or sequence-number transform that the reader would add anyway is left out.</summary>
    public static string Print(Proposal proposal)
    {
        IEnumerable<Transform> shown = proposal.Transforms;
        if (proposal.Protocol == SaProtocol.Ike && ImpliedPrfs(proposal.Transforms).SequenceEqual(proposal.Of(TransformType.Prf)))
            shown = shown.Where(t => t.Type != TransformType.Prf);
        if (proposal.Protocol != SaProtocol.Ike && proposal.Of(TransformType.SequenceNumbers).SequenceEqual([Transform.NoEsn]))
            shown = shown.Where(t => t.Type != TransformType.SequenceNumbers);
        // strongSwan writes integrity before the PRF.
        return string.Join('-', shown.OrderBy(t => t.Type switch { TransformType.Integrity => 1, TransformType.Encryption => 0, _ => (int)t.Type }).Select(AlgorithmNames.Print));
    }

    private static readonly string[] _ikeDefaults =
    [
        "aes128gcm16-aes192gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512"
            + "-x25519-ecp256-ecp384-ecp521-x448-modp3072-modp4096-modp6144-modp8192-modp2048",
        "aes128-aes192-aes256-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512"
            + "-x25519-ecp256-ecp384-ecp521-x448-modp3072-modp4096-modp6144-modp8192-modp2048",
    ];

    private static readonly string[] _espDefaults =
    [
        "aes128gcm16-aes192gcm16-aes256gcm16-chacha20poly1305",
        "aes128-aes192-aes256-sha256-sha384-sha512",
    ];

    /// <summary>RFC 7296 §3.3.1: proposals are numbered from one.</summary>
    private static ValueList<Proposal> Number(IEnumerable<Proposal> proposals) =>
        proposals.Select((p, i) => p with { Number = (byte)(i + 1) }).ToValueList();

    private static bool TryParseOne(SaProtocol protocol, string text, [NotNullWhen(true)] out Proposal? proposal, [NotNullWhen(false)] out ProposalTextError? error)
    {
        proposal = null;
        error = null;
        var transforms = new List<Transform>();
        foreach (var token in text.Split('-'))
        {
            if (!AlgorithmNames.TryFind(token, out var name))
            {
                error = new ProposalTextError(token, $"\"{token}\" names no algorithm that is supported.");
                return false;
            }

            if (!transforms.Contains(name.Transform)) transforms.Add(name.Transform);
        }

        return TryComplete(protocol, text, transforms, out proposal, out error);
    }

    // What must be there, what is implied and what is dropped, as strongSwan completes a configured proposal.
    private static bool TryComplete(
        SaProtocol protocol, string text, List<Transform> transforms, [NotNullWhen(true)] out Proposal? proposal, [NotNullWhen(false)] out ProposalTextError? error)
    {
        proposal = null;
        error = null;
        var ciphers = transforms.Where(t => t.Type == TransformType.Encryption).ToList();
        var combined = ciphers.Count(c => CombinedMode.Is(c.Id));

        // RFC 7296 §3.3.3: encryption is mandatory for IKE and ESP.
        if (ciphers.Count == 0) return Fail("An encryption algorithm is missing.", out error);
        // RFC 5282 §8: a combined-mode cipher goes without integrity, a classic one with it, so that they cannot share a proposal.
        if (combined != 0 && combined != ciphers.Count) return Fail("Combined-mode and classic ciphers cannot stand in one proposal.", out error);
        if (protocol == SaProtocol.Ike)
        {
            // RFC 2410 §1: NULL encryption is for ESP; RFC 7296 §5: IKE's own messages are always encrypted.
            if (ciphers.Exists(c => c.Id == 11)) return Fail("NULL encryption cannot protect IKE.", out error, "null");
            if (!transforms.Exists(t => t.Type == TransformType.Prf)) transforms.AddRange([.. ImpliedPrfs(transforms)]);
            if (!transforms.Exists(t => t.Type == TransformType.Prf)) return Fail("A pseudo-random function (prf…) is missing.", out error);
            transforms.RemoveAll(t => t.Type == TransformType.SequenceNumbers || (t.Type == TransformType.KeyExchange && t.Id == 0));
            if (!transforms.Exists(t => t.Type == TransformType.KeyExchange)) return Fail("A key exchange method is missing.", out error);
        }
        else
        {
            transforms.RemoveAll(t => t.Type == TransformType.Prf);
            // RFC 7296 §3.3.3: the sequence-number transform is mandatory in ESP proposals.
            if (!transforms.Exists(t => t.Type == TransformType.SequenceNumbers)) transforms.Add(Transform.NoEsn);
        }

        if (combined != 0) transforms.RemoveAll(t => t.Type == TransformType.Integrity);
        // RFC 8221 §4: encryption without authentication must not be used.
        else if (!transforms.Exists(t => t.Type == TransformType.Integrity)) return Fail("An integrity algorithm is missing.", out error);

        proposal = new Proposal(1, protocol, Octets.Empty, transforms.OrderBy(t => t.Type).ToValueList());
        return true;

        bool Fail(string sentence, out ProposalTextError failure, string? token = null)
        {
            failure = new ProposalTextError(token ?? text, sentence);
            return false;
        }
    }

    // strongSwan: without an explicit PRF, the one of the same family as each integrity algorithm.
    private static IEnumerable<Transform> ImpliedPrfs(IEnumerable<Transform> transforms)
    {
        foreach (var transform in transforms)
        {
            if (transform.Type != TransformType.Integrity) continue;
            ushort prf = transform.Id switch { 2 or 7 => 2, 5 => 4, 8 => 8, 12 => 5, 13 => 6, 14 => 7, _ => 0 };
            if (prf != 0) yield return new Transform(TransformType.Prf, prf);
        }
    }
}
