using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Gateway.Host.Api;

/// <summary>Title and purpose of the served OpenAPI document; everything else in it comes from the endpoints and records.</summary>
internal static class ApiDocument
{
    public static Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Gateway",
            Version = "v1",
            Description = "Commands and questions to one gateway. Commands are accepted on the Unix socket and from clients with a certificate; a plain loopback address only reads.",
        };
        document.Servers?.Clear();
        return Task.CompletedTask;
    }
}
