using System.Text;
using Gateway.Crypto;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy;

namespace Gateway.Ike.Extensions;

/// <summary>Post-quantum pre-shared keys (RFC 8784): mixed into SK_d, SK_pi and SK_pr, so that whoever breaks the key exchange later still lacks them.</summary>
internal static class PpkExchange
{
    /// <summary>PPK_ID_FIXED (RFC 8784 §5.1): the octets name the key.</summary>
    private const byte Fixed = 2;

    /// <summary>Whether an initiator wants one.</summary>
    public static bool IsWanted(Connection connection) => connection.Spec.PpkId is not null;

    public static NotifyPayload Identity(string id) => new(NotifyType.PpkIdentity, new Octets([Fixed, .. Encoding.UTF8.GetBytes(id)]));

    /// <summary>The id that an initiator names, or null.</summary>
    public static string? Read(NotifyPayload? notify) =>
        notify is { Data.Length: > 1 } && notify.Data.Span[0] == Fixed ? Encoding.UTF8.GetString(notify.Data.Span[1..]) : null;

    /// <summary>The keys with the pre-shared key mixed in; the given ones stay as they are (RFC 8784 §3).</summary>
    public static IkeKeys Mix(IkeKeys keys, Secret ppk)
    {
        using var material = keys.ToMaterial();
        var mixed = IkeKeys.FromMaterial(keys.Suite, material.Span);
        mixed.MixPpk(ppk.Span);
        return mixed;
    }
}
