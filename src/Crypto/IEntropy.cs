using System.Security.Cryptography;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto;

/// <summary>Where random bytes come from. It is passed in, so that protocol code stays a function of its inputs.</summary>
public interface IEntropy
{
    /// <summary>Overwrites the whole span with random bytes.</summary>
    void Fill(Span<byte> destination);
}

/// <summary>
/// The operating system's cryptographic generator. It is asked for many bytes at once, since a call costs as much as a thousand bytes do and an IKE SA asks
/// two dozen times; what was given out is zeroed at once, and the rest lies in locked memory.
/// </summary>
public sealed unsafe class SystemEntropy : IEntropy
{
    private const int Stock = 2048;
    private const int Most = 64;

    private readonly Lock _gate = new();
    private readonly byte* _stock = LockedMemory.Allocate(Stock);
    private int _left;

    private SystemEntropy()
    {
    }

    public static SystemEntropy Instance { get; } = new();

    public void Fill(Span<byte> destination)
    {
        if (destination.Length > Most)
        {
            RandomNumberGenerator.Fill(destination);
            return;
        }

        lock (_gate)
        {
            if (_left < destination.Length)
            {
                RandomNumberGenerator.Fill(new Span<byte>(_stock, Stock));
                _left = Stock;
            }

            _left -= destination.Length;
            var given = new Span<byte>(_stock + _left, destination.Length);
            given.CopyTo(destination);
            CryptographicOperations.ZeroMemory(given);
        }
    }
}
