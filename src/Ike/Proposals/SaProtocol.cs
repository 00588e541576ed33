namespace Gateway.Ike.Proposals;

/// <summary>Security protocol identifiers (RFC 7296 §3.3.1).</summary>
public enum SaProtocol : byte
{
    None = 0,
    Ike = 1,
    Ah = 2,
    Esp = 3,
}
