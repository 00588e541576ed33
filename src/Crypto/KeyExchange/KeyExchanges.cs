using System.Diagnostics.CodeAnalysis;

namespace Gateway.Crypto.KeyExchange;

/// <summary>Makes key exchanges, and knows the sizes of their values.</summary>
public static class KeyExchanges
{
    /// <summary>The methods that <see cref="Create(KeyExchangeMethod, IEntropy)"/> offers.</summary>
    public static IReadOnlyList<KeyExchangeMethod> Supported { get; } =
        [.. MontgomeryCurve.Rows.Select(r => r.Method), .. WeierstrassCurve.Rows.Select(r => r.Method), .. ModpGroup.Rows.Select(r => r.Method)];

    public static bool IsSupported(KeyExchangeMethod method) => SeedLength(method) != 0;

    /// <summary>Length of the public value on the wire, in bytes; 0 for a method that is not supported.</summary>
    public static int PublicLength(KeyExchangeMethod method) =>
        MontgomeryCurve.Find(method)?.Length ?? WeierstrassCurve.Find(method)?.PublicLength ?? ModpGroup.Find(method)?.PublicLength ?? 0;

    /// <summary>Length of the private value, in bytes; 0 for a method that is not supported.</summary>
    public static int SeedLength(KeyExchangeMethod method) =>
        MontgomeryCurve.Find(method)?.Length ?? WeierstrassCurve.Find(method)?.ScalarLength ?? ModpGroup.Find(method)?.ExponentLength ?? 0;

    /// <summary>A fresh exchange whose private value is drawn from <paramref name="entropy"/>.</summary>
    public static IKeyExchange Create(KeyExchangeMethod method, IEntropy entropy)
    {
        var length = SeedLength(method);
        if (length == 0) throw new NotSupportedException($"Key exchange method {method} is not supported.");
        using var seed = Secret.Allocate(length, out var bytes);
        entropy.Fill(bytes);
        return Create(method, bytes);
    }

    /// <summary>An exchange with a given private value of <see cref="SeedLength"/> bytes: the same value gives the same exchange.</summary>
    public static IKeyExchange Create(KeyExchangeMethod method, ReadOnlySpan<byte> seed)
    {
        if (seed.Length != SeedLength(method)) throw new ArgumentException($"Method {method} takes {SeedLength(method)} private bytes.", nameof(seed));
        if (MontgomeryCurve.Find(method) is { } montgomery) return new MontgomeryExchange(montgomery, seed);
        if (WeierstrassCurve.Find(method) is { } curve) return new WeierstrassExchange(curve, seed);
        if (ModpGroup.Find(method) is { } group) return new ModpExchange(group, seed);
        throw new NotSupportedException($"Key exchange method {method} is not supported.");
    }

    /// <summary>
    /// The responder's whole part: our public value and the shared secret from the peer's public value in one step.
    /// This is the shape that fits every method, also one whose answer depends on the request (a KEM).
    /// </summary>
    public static bool TryRespond(
        KeyExchangeMethod method, ReadOnlySpan<byte> peerPublic, IEntropy entropy, out ReadOnlyMemory<byte> publicValue, [NotNullWhen(true)] out Secret? shared)
    {
        using var exchange = Create(method, entropy);
        publicValue = exchange.PublicValue;
        return exchange.TryDerive(peerPublic, out shared);
    }
}
