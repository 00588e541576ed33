using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gateway.Host.Tls;

/// <summary>The one name that a certificate gives its holder.</summary>
internal static class CommonName
{
    /// <summary>X.520: commonName, at most 64 characters.</summary>
    private const string Oid = "2.5.4.3";
    private const int MaxLength = 64;

    /// <summary>The common name of the subject; null when there is not just one, or it has other than printable ASCII characters: two holders must never read as one principal.</summary>
    public static string? Of(X509Certificate2 certificate)
    {
        try
        {
            string? found = null;
            foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
            {
                // A part of several elements could hide a second name.
                if (part.HasMultipleElements) return null;
                if (part.GetSingleElementType().Value != Oid) continue;
                if (found is not null) return null;
                found = part.GetSingleElementValue();
            }

            return found is { Length: > 0 and <= MaxLength } && found.All(c => c is > ' ' and < (char)127) ? found : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
