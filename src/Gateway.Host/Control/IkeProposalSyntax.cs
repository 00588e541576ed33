using Gateway.Ike.Proposals;
using Gateway.Policy.Items.Rules;

namespace Gateway.Host.Control;

/// <summary>Lets the rules of connections ask the parser that will read the proposals later.</summary>
public sealed class IkeProposalSyntax : IProposalSyntax
{
    public string? FaultOfIke(string proposal) => Fault(SaProtocol.Ike, proposal);

    public string? FaultOfEsp(string proposal) => Fault(SaProtocol.Esp, proposal);

    private static string? Fault(SaProtocol protocol, string proposal) =>
        ProposalText.TryParse(protocol, proposal, out _, out var error) ? null : error.Sentence;
}
