<#-- From keycloak.v2 26.7.4 login-otp.ftl, without its script: which of several devices gave the code is a choice of radio buttons. -->
<#import "template.ftl" as layout>
<#import "field.ftl" as field>
<#import "buttons.ftl" as buttons>
<@layout.registrationLayout displayMessage=!messagesPerField.existsError('totp'); section>
    <#if section = "header">
        ${msg("doLogIn")}
    <#elseif section = "form">
        <form id="kc-otp-login-form" class="${properties.kcFormClass!}" action="${url.loginAction}" method="post">
            <#if otpLogin.userOtpCredentials?size gt 1>
                <fieldset class="${properties.kcFormGroupClass!} ib-choice">
                    <legend class="${properties.kcLabelClass!}">${msg("ibokOtpDevice")}</legend>
                    <#list otpLogin.userOtpCredentials as device>
                        <div class="${properties.kcCheckboxClass!}">
                            <label for="device-${device?index}">
                                <input type="radio" id="device-${device?index}" name="selectedCredentialId" value="${device.id}"<#if device.id == (otpLogin.selectedCredentialId)!""> checked</#if>>
                                ${device.userLabel!device?counter}
                            </label>
                        </div>
                    </#list>
                </fieldset>
            <#else>
                <input type="hidden" name="selectedCredentialId" value="${(otpLogin.selectedCredentialId)!""}">
            </#if>
            <@field.input name="otp" label=msg("loginOtpOneTime") autocomplete="one-time-code" fieldName="totp" autofocus=true />
            <@buttons.loginButton />
        </form>
    </#if>
</@layout.registrationLayout>
