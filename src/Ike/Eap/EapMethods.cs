using Gateway.Policy.Items;

namespace Gateway.Ike.Eap;

/// <summary>The words of EAP methods.</summary>
internal static class EapMethods
{
    public static string Word(EapMethod method) => method switch
    {
        EapMethod.Md5 => "eap-md5",
        EapMethod.MsChapV2 => "eap-mschapv2",
        EapMethod.Tls => "eap-tls",
        _ => "eap",
    };
}
