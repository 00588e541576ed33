using System.Security.Cryptography;

namespace Gateway.Crypto;

/// <summary>Where random bytes come from. It is passed in, so that protocol code stays a function of its inputs.</summary>
public interface IEntropy
{
    /// <summary>Overwrites the whole span with random bytes.</summary>
    void Fill(Span<byte> destination);
}

/// <summary>The operating system's cryptographic generator.</summary>
public sealed class SystemEntropy : IEntropy
{
    public static SystemEntropy Instance { get; } = new();

    public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}
