using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What the rules need to know from outside of Policy.</summary>
public sealed record ValidationContext
{
    public required IProposalSyntax Proposals { get; init; }

    /// <summary>Reads certificates; without one their content is not looked at.</summary>
    public ICertificateSyntax? Certificates { get; init; }

    /// <summary>UDP ports that IKE listens on; 500 in a connection stands for the first.</summary>
    public IReadOnlyList<int> IkePorts { get; init; } = [500, 4500];

    public CommandLimits Limits { get; init; } = CommandLimits.Default;
}

/// <summary>Knows which proposals there are; the Host answers with the parser of Ike, which Policy does not see.</summary>
public interface IProposalSyntax
{
    /// <summary>What is wrong with an IKE proposal as strongSwan writes it, as a sentence; null when nothing is.</summary>
    string? FaultOfIke(string proposal);

    /// <summary>What is wrong with an ESP proposal as strongSwan writes it, as a sentence; null when nothing is.</summary>
    string? FaultOfEsp(string proposal);
}

/// <summary>Knows how certificates look; the Host answers with the parser of Ike, which Policy does not see.</summary>
public interface ICertificateSyntax
{
    /// <summary>What is wrong with the data of a certificate item, as a sentence; null when nothing is.</summary>
    string? FaultOf(CertificateSpec certificate);
}
