using System.Diagnostics.CodeAnalysis;
using Gateway.Ike.Certificates;
using Gateway.Ike.Proposals;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>Makes a <see cref="Connection"/> of a connection item.</summary>
public static class ConnectionCompiler
{
    /// <summary>False with one sentence when something in the item cannot be used.</summary>
    public static bool TryCompile(ConnectionName name, ConnectionSpec spec, [NotNullWhen(true)] out Connection? connection, [NotNullWhen(false)] out string? error)
    {
        connection = null;
        if (!TryAddresses(spec.LocalAddrs, out var local, out error) || !TryAddresses(spec.RemoteAddrs, out var remote, out error)) return false;
        if (!TryRounds(spec.Local, local: true, out var localRounds, out error) || !TryRounds(spec.Remote, local: false, out var remoteRounds, out error)) return false;
        if (localRounds.Any(r => r.Id is { IsAny: false, IsPattern: true })) return Fail("An own identity cannot hold wildcards.", out error);
        if (!ProposalText.TryParseAll(SaProtocol.Ike, spec.Proposals, out var proposals, out var fault)) return Fail(fault.Sentence, out error);

        var children = new List<ChildConfig>();
        foreach (var (childName, childSpec) in spec.Children)
        {
            if (!TryChild(new ChildName(childName), childSpec, out var child, out error)) return false;
            children.Add(child);
        }

        connection = new Connection
        {
            Name = name,
            Spec = spec,
            LocalAddresses = local,
            RemoteAddresses = remote,
            Proposals = proposals,
            Local = localRounds,
            Remote = remoteRounds,
            Children = children.ToValueList(),
            Dscp = (byte)(spec.Dscp.Length == 6 ? spec.Dscp.Aggregate(0, static (bits, digit) => (bits << 1) | (digit == '1' ? 1 : 0)) : 0),
        };
        error = null;
        return true;
    }

    private static bool TryAddresses(ValueList<string> texts, out ValueList<AddressPattern> patterns, [NotNullWhen(false)] out string? error)
    {
        var parsed = texts.Select(AddressPattern.Parse).ToList();
        var wrong = parsed.IndexOf(null);
        patterns = wrong < 0 ? parsed.OfType<AddressPattern>().ToValueList() : default;
        error = wrong < 0 ? null : $"\"{texts[wrong]}\" is no address, prefix, range or name.";
        return wrong < 0;
    }

    private static bool TryRounds(ValueList<AuthenticationRound> specs, bool local, out ValueList<Round> rounds, [NotNullWhen(false)] out string? error)
    {
        rounds = default;
        error = null;
        var found = new List<Round>();
        foreach (var spec in specs.AsSpan())
        {
            var id = Identity.Any;
            if (spec.Id is { } text && !Identity.TryParse(text, out id)) return Fail($"\"{text}\" is no identity.", out error);
            Identity? eapId = null, aaaId = null, caId = null;
            if (spec.EapId is { } eapText && !Identity.TryParse(eapText, out eapId)) return Fail($"\"{eapText}\" is no identity.", out error);
            if (spec.AaaId is { } aaaText && !Identity.TryParse(aaaText, out aaaId)) return Fail($"\"{aaaText}\" is no identity.", out error);
            if (spec.CaId is { } caText && !Identity.TryParse(caText, out caId)) return Fail($"\"{caText}\" is no identity.", out error);
            found.Add(new Round(spec.Auth.Method, id)
            {
                Word = spec.Auth,
                Certs = spec.Certs,
                Pubkeys = spec.Pubkeys,
                EapId = eapId,
                AaaId = aaaId,
                Demands = new ChainDemands
                {
                    Word = spec.Auth,
                    Certs = local ? [] : spec.Certs,
                    Cacerts = spec.Cacerts,
                    CaId = caId,
                    Policies = spec.CertPolicy,
                    Revocation = spec.Revocation,
                },
            });
        }

        rounds = found.ToValueList();
        return found.Count > 0 || Fail("A side has no authentication round.", out error);
    }

    private static bool TryChild(ChildName name, ChildSpec spec, [NotNullWhen(true)] out ChildConfig? child, [NotNullWhen(false)] out string? error)
    {
        child = null;
        if (!ProposalText.TryParseAll(SaProtocol.Esp, spec.EspProposals, out var proposals, out var fault)) return Fail(fault.Sentence, out error);
        if (!TrySelectors(spec.LocalTs, out var local, out error) || !TrySelectors(spec.RemoteTs, out var remote, out error)) return false;
        child = new ChildConfig { Name = name, Spec = spec, Proposals = proposals, Local = local, Remote = remote };
        return true;
    }

    private static bool TrySelectors(ValueList<string> texts, out ValueList<SelectorPattern> selectors, [NotNullWhen(false)] out string? error)
    {
        selectors = default;
        error = null;
        var found = new List<SelectorPattern>();
        foreach (var text in texts.AsSpan())
        {
            if (SelectorPattern.TryParse(text, out var selector)) found.Add(selector);
            else return Fail($"\"{text}\" is no traffic selector.", out error);
        }

        if (found.Count == 0) found.Add(SelectorPattern.Dynamic);
        selectors = found.ToValueList();
        return true;
    }

    private static bool Fail(string sentence, out string error)
    {
        error = sentence;
        return false;
    }
}
